// A tunnel whose backend may change, between fake streams, and words for what each of them was sent.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "support/fake_handoff.h"
#include "unit/proxy/relay_fixture.h"

namespace drover::proxy::test {

using observe::Initiator;
using observe::MoveResult;
using observe::Why;
using Form = Handoff::Form;
using Candidate = FakeHandoffHost::Candidate;

// What a stream has been sent since the last time: "hello ping(x) close(1001)"; of fragments "hel- lo"; a cut frame as
// "...", a FIN as ".".
inline std::string told(FakeStream& stream) {
  const Wire wire = read_wire(stream.take());
  std::string text;
  const auto say = [&text](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  for (const WireFrame& each : wire.frames) {
    switch (each.opcode) {
      case 8: {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(each.payload.at(at)); };
        say(each.payload.empty() ? "close()" : "close(" + std::to_string(byte(0) << 8 | byte(1)) + ")");
        break;
      }
      case 9: say("ping(" + each.payload + ")"); break;
      case 10: say("pong(" + each.payload + ")"); break;
      default: say(each.payload + (each.fin ? "" : "-")); break;
    }
  }
  if (!wire.left_over.empty()) say("...");
  if (stream.fin()) say(".");
  return text;
}

inline constexpr Milliseconds kTimeout{1'000}, kQuiet{200}, kCloseTime{500};

struct HandoffFixture {
  explicit HandoffFixture(Form form = Form::kContract, const TunnelLimits& with = usual_limits()) : limits(with) {
    tunnel = std::make_unique<Tunnel>(host, limits);
    moves.emplace(host, *tunnel, Handoff::Terms{form, kTimeout, kQuiet, kCloseTime});
    tunnel->start({}, {});
  }
  static TunnelLimits usual_limits() {
    TunnelLimits usual;
    usual.close = Milliseconds(5'000);
    usual.max_queued = 1'000;
    return usual;
  }

  FakeStream& client() { return host.client(); }
  // Who serves, by the order in which they were added; the first one is not a candidate.
  FakeStream& old() { return old_; }
  static std::string from_client(unsigned first, const std::string& payload) {
    return frame(Sender::kClient, first, payload);
  }
  static std::string from_backend(unsigned first, const std::string& payload) {
    return frame(Sender::kBackend, first, payload);
  }
  bool client_says(const std::string& payload, unsigned first = kText) {
    return client().receive(from_client(first, payload));
  }
  bool old_says(const std::string& payload, unsigned first = kText) {
    return old().receive(from_backend(first, payload));
  }
  bool client_closes(unsigned code = 1000) { return client_says(close_payload(code), kClose); }
  bool old_closes(unsigned code) { return old_says(close_payload(code), kClose); }
  void pass(Milliseconds time) { host.pass(time, *tunnel); }

  static std::string to_drover(const std::string& verb, std::size_t key, const std::string& rest = "") {
    return R"({"drover":")" + verb + R"(","key":")" + FakeHandoffHost::key_of(key) + "\"" + rest + "}";
  }
  static std::string leave(std::size_t key = 0) { return to_drover("leave", key); }
  static std::string left(const std::string& state, std::size_t key = 0) {
    return to_drover("left", key, state.empty() ? "" : ",\"state\":" + state);
  }
  static std::string enter(std::size_t key, const std::string& why, const std::string& state = "null") {
    return to_drover("enter", key, R"(,"why":")" + why + R"(","state":)" + state + R"(,"from":"old")");
  }

  // How far a handoff has come.
  enum class Stage : std::uint8_t { kDialling, kWaiting, kLeaving };  // kWaiting: for the client's boundary
  // With one candidate, and by the client's half of a message where it is kWaiting: "ha" of "half".
  Candidate& bring_to(Stage stage) {
    Candidate& next = moves->add();
    if (stage == Stage::kWaiting) client_says("ha", kTextBegins);
    REQUIRE(moves->begin());
    if (stage == Stage::kDialling) return next;
    moves->open();
    if (stage == Stage::kWaiting) return next;
    const std::string request = moves->by_contract() ? leave() : asked();
    CHECK(told(old()) == request);
    return next;
  }
  // The ping that an old one is asked with which knows nothing of handoffs; see told().
  std::string asked() {
    const Wire wire = read_wire(old().taken());
    ping = wire.frames.empty() ? "" : wire.frames.back().payload;
    return "ping(" + ping + ")";
  }
  bool client_is_held() { return tunnel->client_is_held(); }
  bool moved() const { return !moves->ended.empty() && moves->ended.back().moved; }
  std::optional<MoveResult> result() const {
    REQUIRE(!moves->ended.empty());
    return moves->ended.back().result;
  }
  void expect_end(Initiator initiator, Why why) const {
    CHECK(host.ended_by == initiator);
    CHECK(host.ended_why == why);
  }
  // Both directions work, between the client and this one.
  void expect_served_by(FakeStream& backend) {
    CHECK(moves->handoff() == nullptr);
    CHECK(&host.backend() == &backend);
    static_cast<void>(backend.take()), static_cast<void>(client().take());
    CHECK(client_says("to it"));
    CHECK(told(backend) == "to it");
    CHECK(backend.receive(from_backend(kText, "to the client")));
    CHECK(told(client()) == "to the client");
  }

  FakeHost host;
  TunnelLimits limits;
  std::unique_ptr<Tunnel> tunnel;
  std::optional<FakeHandoffHost> moves;
  std::string ping;

 private:
  FakeStream& old_ = host.backend();
};

using Stage = HandoffFixture::Stage;

}  // namespace drover::proxy::test
