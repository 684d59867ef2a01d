// When a silent peer is pinged and when it is given up, by times worked out by hand; and which Pongs are Drover's.
#include "proxy/pulse.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

namespace drover::proxy {
namespace {

using std::chrono::microseconds;
using Due = Pulse::Due;

constexpr PingLimits kLimits{.interval = Milliseconds(100), .timeout = Milliseconds(30)};
constexpr MonotonicTime at(int milliseconds) {
  return MonotonicTime(Milliseconds(milliseconds));
}

constexpr net::Link kCaughtUp{};
constexpr net::Link unsent(std::uint64_t acknowledged) {
  return {.unsent = true, .acknowledged = acknowledged};
}
constexpr net::Link caught_up(std::uint64_t acknowledged) {
  return {.unsent = false, .acknowledged = acknowledged};
}

struct Fixture {
  void ask(int milliseconds, const net::Link& link = kCaughtUp) {
    payload = pulse.next_ping();
    pulse.note_sent(Milliseconds(milliseconds));
    pulse.note_asked(at(milliseconds), link);
  }
  Due due(int milliseconds) const { return pulse.due(at(milliseconds), kLimits); }

  Pulse pulse{at(1'000)};
  Pulse::PingPayload payload{};
};

TEST_CASE_FIXTURE(Fixture, "a ping is due after the interval of silence, and not before") {
  CHECK(due(1'000) == Due::kNothing);
  CHECK(due(1'099) == Due::kNothing);
  CHECK(due(1'100) == Due::kPing);
  CHECK(due(5'000) == Due::kPing);
  CHECK(pulse.next_due(kLimits) == at(1'100));
}

TEST_CASE_FIXTURE(Fixture, "any byte puts it off") {
  pulse.hear(at(1'099));
  CHECK(due(1'100) == Due::kNothing);
  CHECK(due(1'198) == Due::kNothing);
  CHECK(due(1'199) == Due::kPing);
  CHECK(pulse.next_due(kLimits) == at(1'199));
}

TEST_CASE_FIXTURE(Fixture, "the verdict comes after the timeout that begins with the ping") {
  ask(1'107);
  CHECK(pulse.next_due(kLimits) == at(1'137));
  CHECK(due(1'107) == Due::kNothing);
  CHECK(due(1'136) == Due::kNothing);
  CHECK(due(1'137) == Due::kVerdict);
}

TEST_CASE_FIXTURE(Fixture, "a byte after the ping is life, and the next ping is due an interval later") {
  ask(1'100);
  pulse.hear(at(1'129));
  CHECK(due(1'130) == Due::kNothing);
  CHECK(due(1'228) == Due::kNothing);
  CHECK(due(1'229) == Due::kPing);
  ask(1'229);
  CHECK(due(1'258) == Due::kNothing);
  CHECK(due(1'259) == Due::kVerdict);
}

TEST_CASE_FIXTURE(Fixture, "a byte in the same millisecond as the ping is life") {
  ask(1'100);
  pulse.hear(at(1'100));
  CHECK(due(1'130) == Due::kNothing);
  CHECK(pulse.next_due(kLimits) == at(1'200));
}

TEST_CASE_FIXTURE(Fixture,
                  "a ping that waits is judged like one that went out, and its timeout begins anew when it has") {
  payload = pulse.next_ping();
  pulse.note_waiting(at(1'100), kCaughtUp);
  CHECK(pulse.waits());
  CHECK(due(1'129) == Due::kNothing);
  CHECK(due(1'130) == Due::kVerdict);
  pulse.note_waiting(at(1'130), kCaughtUp);  // excused: it is not this peer's fault
  CHECK(due(1'159) == Due::kNothing);
  CHECK(due(1'160) == Due::kVerdict);
  pulse.hear(at(1'500));  // still on its way
  CHECK(pulse.waits());
  CHECK(due(1'599) == Due::kNothing);
  CHECK(due(1'600) == Due::kPing);
  pulse.note_sent(Milliseconds(2'000));
  pulse.note_asked(at(2'000), kCaughtUp);
  CHECK_FALSE(pulse.waits());
  CHECK(due(2'029) == Due::kNothing);
  CHECK(due(2'030) == Due::kVerdict);
}

TEST_CASE_FIXTURE(Fixture, "interval 0: neither pinged nor judged") {
  constexpr PingLimits kNone{.interval = Milliseconds(0), .timeout = Milliseconds(30)};
  CHECK(pulse.next_due(kNone) == std::nullopt);
  CHECK(pulse.due(at(1'000'000), kNone) == Due::kNothing);
  ask(1'100);
  CHECK(pulse.next_due(kNone) == std::nullopt);
  CHECK(pulse.due(at(1'000'000), kNone) == Due::kNothing);
}

TEST_CASE_FIXTURE(Fixture, "a Ping of the other side's stands for one of Drover's own until the peer is heard") {
  CHECK_FALSE(pulse.owes_pong());
  pulse.note_foreign_ping();
  CHECK(pulse.owes_pong());
  CHECK(due(1'099) == Due::kNothing);
  CHECK(due(1'100) == Due::kPing);
  pulse.note_asked(at(1'100), kCaughtUp);
  CHECK(due(1'129) == Due::kNothing);
  CHECK(due(1'130) == Due::kVerdict);
  pulse.hear(at(1'129));
  CHECK_FALSE(pulse.owes_pong());
}

TEST_CASE_FIXTURE(Fixture,
                  "a peer that takes in what was on its way before the ping gets another timeout, each time anew") {
  ask(1'100, unsent(500));
  CHECK_FALSE(pulse.takes_in(at(1'130), unsent(500)));
  CHECK(due(1'130) == Due::kVerdict);
  CHECK(pulse.takes_in(at(1'130), unsent(501)));
  CHECK(due(1'130) == Due::kNothing);
  CHECK(due(1'159) == Due::kNothing);
  CHECK(due(1'160) == Due::kVerdict);
  CHECK(pulse.next_due(kLimits) == at(1'160));
  CHECK_FALSE(pulse.takes_in(at(1'160), unsent(501)));
  CHECK(due(1'160) == Due::kVerdict);
}

TEST_CASE_FIXTURE(Fixture,
                  "a peer that has come to the end of what was on its way gets one more timeout for its answer") {
  ask(1'100, unsent(500));
  CHECK(pulse.takes_in(at(1'130), caught_up(900)));
  CHECK(due(1'160) == Due::kVerdict);
  CHECK_FALSE(pulse.takes_in(at(1'160), caught_up(910)));  // what came behind the ping proves nothing
}

TEST_CASE_FIXTURE(Fixture, "a kernel that acknowledges for a peer that hangs does not keep it") {
  ask(1'100, caught_up(500));
  CHECK_FALSE(pulse.takes_in(at(1'130), caught_up(600)));
  CHECK(due(1'130) == Due::kVerdict);
}

TEST_CASE_FIXTURE(Fixture, "bytes taken in are compared beyond 4 GiB too") {
  ask(1'100, unsent(0xffff'ffff));
  CHECK(pulse.takes_in(at(1'130), unsent(0x1'0000'0000)));
  CHECK_FALSE(pulse.takes_in(at(1'160), unsent(0x1'0000'0000)));
}

TEST_CASE_FIXTURE(Fixture, "the answer to a ping counts once, and gives the round trip") {
  CHECK(pulse.rtt() == std::nullopt);
  payload = pulse.next_ping();
  pulse.note_sent(microseconds(1'100'250));
  CHECK(pulse.answers(payload, microseconds(1'101'500)));
  CHECK(pulse.rtt() == microseconds(1'250));
  CHECK_FALSE(pulse.answers(payload, microseconds(1'102'000)));
  CHECK(pulse.rtt() == microseconds(1'250));
}

TEST_CASE_FIXTURE(Fixture,
                  "a round trip faster than the clock is a microsecond, and one over a wrap of its bits is right") {
  payload = pulse.next_ping();
  pulse.note_sent(microseconds(7));
  CHECK(pulse.answers(payload, microseconds(7)));
  CHECK(pulse.rtt() == microseconds(1));
  payload = pulse.next_ping();
  pulse.note_sent(microseconds(0xffff'ff00));
  CHECK(pulse.answers(payload, microseconds(0x1'0000'0100)));
  CHECK(pulse.rtt() == microseconds(0x200));
}

TEST_CASE_FIXTURE(Fixture, "before any ping nothing is an answer") {
  CHECK_FALSE(pulse.answers(payload, microseconds(1)));  // zeros, as the fields are before the first
  payload[4] = 1;
  CHECK_FALSE(pulse.answers(payload, microseconds(1)));
  CHECK_FALSE(pulse.answers({}, microseconds(1)));
  CHECK(pulse.rtt() == std::nullopt);
}

TEST_CASE_FIXTURE(Fixture,
                  "a payload of another size, with another tag or a number that was not sent is not an answer") {
  ask(1'100);
  const Bytes whole(payload);
  CHECK_FALSE(pulse.answers(whole.first(7), microseconds(1)));
  CHECK_FALSE(pulse.answers(whole.first(4), microseconds(1)));
  std::array<std::uint8_t, 9> longer{};
  std::ranges::copy(payload, longer.begin());
  CHECK_FALSE(pulse.answers(longer, microseconds(1)));
  for (std::size_t byte = 0; byte < payload.size(); ++byte) {
    CAPTURE(byte);
    auto other = payload;
    other[byte] ^= 0x80;
    CHECK_FALSE(pulse.answers(other, microseconds(1)));
  }
  auto future = payload;
  ++future[4];
  CHECK_FALSE(pulse.answers(future, microseconds(1)));
  CHECK(pulse.answers(payload, microseconds(1)));
}

TEST_CASE_FIXTURE(Fixture, "of several pings the newest alone may be answered; the older are not expected any more") {
  const auto first = pulse.next_ping();
  const auto second = pulse.next_ping();
  const auto third = pulse.next_ping();
  CHECK(first != second);
  CHECK(std::memcmp(first.data(), third.data(), 4) == 0);
  CHECK(pulse.answers(third, microseconds(1)));
  CHECK_FALSE(pulse.answers(first, microseconds(2)));
  CHECK_FALSE(pulse.answers(second, microseconds(2)));
  CHECK_FALSE(pulse.answers(third, microseconds(2)));
}

TEST_CASE_FIXTURE(Fixture, "answers in order are each taken; only the newest ping's gives a round trip") {
  pulse.note_sent(microseconds(100));
  const auto first = pulse.next_ping();
  const auto second = pulse.next_ping();
  pulse.note_sent(microseconds(300));
  CHECK(pulse.answers(first, microseconds(400)));
  CHECK(pulse.rtt() == std::nullopt);
  CHECK_FALSE(pulse.answers(first, microseconds(450)));
  CHECK(pulse.answers(second, microseconds(500)));
  CHECK(pulse.rtt() == microseconds(200));
}

TEST_CASE("two peers' answers are not mistaken for each other") {
  Fixture one, other;
  one.ask(1'100);
  other.ask(1'100);
  CHECK_FALSE(one.pulse.answers(other.payload, microseconds(1)));
}

}  // namespace
}  // namespace drover::proxy
