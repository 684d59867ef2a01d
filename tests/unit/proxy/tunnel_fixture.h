// A tunnel between two fake streams, seen from either side: every rule of a tunnel holds both ways.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "unit/proxy/relay_fixture.h"

namespace drover::proxy::test {

using observe::Initiator;
using observe::Why;

inline constexpr Milliseconds kCloseTimeout{5'000};
inline constexpr std::uint32_t kMaxQueued = 1'000;

// `near` does something, `far` is the other side. Tests that hold both ways take the side as an argument.
struct TunnelFixture {
  explicit TunnelFixture(Sender side = Sender::kClient) : side_(side) {
    limits.close = kCloseTimeout;
    limits.max_queued = kMaxQueued;
  }

  // With the limits as they are then.
  void begin(std::string_view behind_answer = "", std::string_view behind_request = "") {
    tunnel = std::make_unique<Tunnel>(host, limits);
    tunnel->start(as_bytes(behind_answer), as_bytes(behind_request));
  }
  void pass(int milliseconds) { host.pass(Milliseconds(milliseconds), *tunnel); }

  bool from_client() const { return side_ == Sender::kClient; }
  FakeStream& near() { return from_client() ? host.client() : host.backend(); }
  FakeStream& far() { return from_client() ? host.backend() : host.client(); }
  // Frames as each side sends them. What goes to the far side has the near side's form, its own Closes included.
  std::string near_sends(unsigned first, const std::string& payload) const { return frame(side_, first, payload); }
  std::string far_sends(unsigned first, const std::string& payload) const {
    return frame(from_client() ? Sender::kBackend : Sender::kClient, first, payload);
  }
  // What an innocent far side is told.
  std::string for_innocent() const {
    return from_client() ? close_payload(1001, "client gone") : close_payload(1012, "backend lost");
  }
  Initiator near_as_initiator() const { return from_client() ? Initiator::kClient : Initiator::kBackend; }
  Why near_lost() const { return from_client() ? Why::kClientLost : Why::kBackendLost; }

  // Both ways of a violation and of every end lead here.
  void expect_end(Initiator initiator, Why why) const {
    CHECK(host.ended_by == initiator);
    CHECK(host.ended_why == why);
  }
  // Whether `stream` has got `before`, a Close with this payload of Drover's own, and a FIN.
  static bool got_close(const FakeStream& stream, const std::string& before, const std::string& payload) {
    if (!stream.taken().starts_with(before)) return false;
    const Wire wire = read_wire(std::string_view(stream.taken()).substr(before.size()));
    return wire.left_over.empty() && wire.frames.size() == 1 && wire.frames[0].opcode == 8 &&
           wire.frames[0].payload == payload && stream.fin();
  }
  static bool got_fin_alone(const FakeStream& stream, const std::string& before) {
    return stream.taken() == before && stream.fin();
  }
  void both_end() {
    near().receive_end(net::ReadEnd::kEof);
    far().receive_end(net::ReadEnd::kEof);
  }

  FakeHost host;
  TunnelLimits limits;
  std::unique_ptr<Tunnel> tunnel;

 private:
  Sender side_;
};

// The near side is pinged after 100 ms of silence and lost 30 ms later; the far side is not.
inline void ping_near(TunnelFixture& it) {
  (it.from_client() ? it.limits.ping_client : it.limits.ping_backend) = Milliseconds(100);
  it.limits.ping_timeout = Milliseconds(30);
}
// The one frame that the near side has got since, a Ping: its payload.
inline std::string take_ping(FakeStream& stream) {
  const Wire wire = read_wire(stream.take());
  REQUIRE(wire.frames.size() == 1);
  CHECK(wire.left_over.empty());
  CHECK(wire.frames[0].opcode == 9);
  return wire.frames[0].payload;
}

// A tunnel whose near side has just been pinged.
inline void begin_pinged(TunnelFixture& it) {
  ping_near(it);
  it.begin();
  it.pass(100);
  take_ping(it.near());
}

// Runs `test` with either side as the near one.
template <class Test>
void both_ways(Test test) {
  for (const Sender side : {Sender::kClient, Sender::kBackend}) {
    CAPTURE(static_cast<int>(side));
    TunnelFixture fixture(side);
    test(fixture);
  }
}

}  // namespace drover::proxy::test
