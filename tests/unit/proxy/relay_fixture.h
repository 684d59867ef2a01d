// A relay with a sink that takes everything, and an observer that writes down what it is told.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/relay.h"
#include "support/fake_tunnel.h"
#include "unit/proxy/wire.h"
#include "unit/websocket/frames.h"

namespace drover::proxy::test {

using websocket::CloseCode;
using websocket::Opcode;
using websocket::Sender;
using websocket::test::close_payload;
using websocket::test::frame;

// First bytes of frames.
inline constexpr unsigned kText = 0x81, kBinary = 0x82, kClose = 0x88, kPing = 0x89, kPong = 0x8a;
inline constexpr unsigned kTextBegins = 0x01, kBinaryBegins = 0x02, kGoesOn = 0x00, kLast = 0x80;

struct Listening final : Relay::Observer {
  bool takes_pong(const Relay&, Bytes payload) override {
    pongs.emplace_back(as_text(payload));
    return ours.contains(pongs.back());
  }
  void on_ping_passed(const Relay&, const websocket::ControlFrame&) override { ++pings_passed; }
  bool takes_close(const Relay&, std::uint16_t) override { return false; }
  void on_ping_injected(const Relay&) override { ++pings_injected; }
  bool ends_with_close(const Relay&) override { return close_is_last; }

  std::set<std::string> ours;  // payloads of Pongs that answer Drover
  std::vector<std::string> pongs;
  int pings_passed = 0;
  int pings_injected = 0;
  bool close_is_last = false;
};

struct RelayFixture {
  explicit RelayFixture(Sender from = Sender::kBackend) : sender(from), relay(from) {}

  Relay::Event feed(std::string_view bytes) {
    // In memory of its own that is gone afterwards, as a worker's read buffer is.
    const std::vector<std::uint8_t> read(bytes.begin(), bytes.end());
    return relay.feed(read, sink, limits, tally, observer);
  }
  void feed_each_byte(std::string_view bytes) {
    for (const char byte : bytes) feed(std::string_view(&byte, 1));
  }
  Relay::Injected inject(Opcode opcode, std::string_view payload) {
    return relay.inject(opcode, as_bytes(payload), sink);
  }
  Relay::Injected inject_close() { return relay.inject_close(CloseCode::kGoingAway, "shutdown", sink); }
  std::string sent(unsigned first, const std::string& payload) const { return frame(sender, first, payload); }
  const std::string& written() const { return sink.taken(); }

  const Sender sender;
  Relay relay;
  FakeStream sink;
  Listening observer;
  MessageTally tally;
  websocket::ScanLimits limits;
};

}  // namespace drover::proxy::test
