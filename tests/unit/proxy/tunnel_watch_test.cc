// What time brings to a tunnel, and what slow peers do: backpressure, idle, writes that stall, peers that vanish
// unread. Times are worked out by hand; the clock is the test's.
#include "proxy/tunnel.h"
#include "unit/proxy/tunnel_fixture.h"

namespace drover::proxy::test {
namespace {

TEST_CASE("the source waits from max_queued on, and goes on at half of it") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.far().room = 0;
    const std::size_t overhead = it.near_sends(kBinary, std::string(200, 'x')).size() - 200;
    it.near().receive(it.near_sends(kBinary, std::string(kMaxQueued - overhead - 1, 'x')));
    CHECK(it.far().queued() == kMaxQueued - 1);
    CHECK_FALSE(it.near().paused());
    it.near().receive(it.near_sends(kPing, "").substr(0, 1));
    it.near().receive(it.near_sends(kPing, "").substr(1));
    CHECK(it.far().queued() >= kMaxQueued);
    CHECK(it.near().paused());
    CHECK_FALSE(it.far().paused());
    it.far().drain(it.far().queued() - kMaxQueued / 2 - 1);
    CHECK(it.near().paused());
    it.far().drain(1);
    CHECK_FALSE(it.near().paused());
  });
}

TEST_CASE("exactly max_queued pauses the source, and another cause of a pause is kept") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.far().room = 0;
    const std::size_t overhead = it.near_sends(kBinary, std::string(200, 'x')).size() - 200;
    it.near().receive(it.near_sends(kBinary, std::string(kMaxQueued - overhead, 'x')));
    CHECK(it.near().paused());
    it.near().pause(net::PauseReason::kHeld);
    it.far().drain(kMaxQueued);
    CHECK(it.near().paused());
    it.near().resume(net::PauseReason::kHeld);
    CHECK_FALSE(it.near().paused());
  });
}

// Whether the far side of a closing session is slow or silent changes nothing about its last deadline.
void expect_close_timeout(TunnelFixture& it, std::size_t size) {
  it.limits.stalled_write = Milliseconds(60'000);
  it.begin();
  it.near().room = 0;
  it.near().receive(it.near_sends(kClose, close_payload(1000)));
  it.pass(1'000);
  it.far().receive(it.far_sends(kBinary, std::string(size, 'x')));  // the near side does not read it
  it.pass(3'999);
  CHECK_FALSE(it.host.finished);
  it.pass(1);
  CHECK(it.host.finished);
}

TEST_CASE("timeouts.close is not cut short by a source that is paused") {
  both_ways([](TunnelFixture& it) { expect_close_timeout(it, 2 * kMaxQueued); });
}

TEST_CASE("timeouts.close is not put off by a longer stalled_write") {
  both_ways([](TunnelFixture& it) { expect_close_timeout(it, 10); });
}

TEST_CASE("a session without a byte for the idle timeout is closed on both sides") {
  both_ways([](TunnelFixture& it) {
    it.limits.idle = Milliseconds(500);
    it.begin();
    it.pass(400);
    const std::string text = it.near_sends(kText, "x");
    it.near().receive(text);
    it.pass(499);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(Initiator::kDrover, Why::kIdle);
    CHECK(it.got_close(it.near(), "", close_payload(1001, "idle")));
    CHECK(it.got_close(it.far(), text, close_payload(1001, "idle")));
  });
}

TEST_CASE("bytes that go out late are activity; answers to pings of Drover's own are none") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.limits.idle = Milliseconds(250);
    it.begin();
    it.far().room = 0;
    it.near().receive(it.near_sends(kText, "x"));
    it.pass(50);
    it.far().drain(1);
    for (const int until_ping : {50, 100}) {
      it.pass(until_ping);
      it.near().receive(it.near_sends(kPong, take_ping(it.near())));
    }
    it.pass(99);  // 50 + 100 + 99 since the last byte went out
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(Initiator::kDrover, Why::kIdle);
  });
}

TEST_CASE("a tunnel that lasts asks TCP to keep both connections alive, once, whatever else it waits for") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.pass(29'999);
    CHECK(it.near().kept_alive == 0);
    it.pass(1);
    CHECK(it.near().kept_alive == 1);
    CHECK(it.far().kept_alive == 1);
    it.pass(100'000);
    CHECK(it.near().kept_alive == 1);
  });
  both_ways([](TunnelFixture& it) {
    it.limits.idle = Milliseconds(120'000);
    it.begin();
    it.pass(30'000);
    CHECK(it.near().kept_alive == 1);
    it.pass(89'999);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(Initiator::kDrover, Why::kIdle);
  });
}

TEST_CASE("a side for which nothing can be written for stalled_write is given up as slow") {
  both_ways([](TunnelFixture& it) {
    it.limits.stalled_write = Milliseconds(400);
    it.begin();
    it.near().room = 0;
    it.far().receive(it.far_sends(kText, "waits for long"));
    it.pass(300);
    it.far().receive(it.far_sends(kText, "more does not count"));
    it.pass(99);
    CHECK_FALSE(it.host.ended_by);
    it.near().drain(1);
    it.pass(399);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(it.near_as_initiator(), Why::kSlow);
    CHECK(it.got_close(it.far(), "", it.for_innocent()));
    it.near().drain(10'000);
    const Wire wire = read_wire(it.near().taken());
    REQUIRE(wire.frames.size() == 3);
    CHECK(wire.frames[2].payload == close_payload(1008, "too slow"));
    CHECK(it.near().fin());
    it.both_end();
    CHECK(it.host.finished);
  });
}

TEST_CASE("a side whose TCP goes on acknowledging is not stalled, though the socket has no room to tell of") {
  both_ways([](TunnelFixture& it) {
    it.limits.stalled_write = Milliseconds(400);
    it.near().link_state.acknowledged = 7;
    it.begin();
    it.near().room = 0;
    it.far().receive(it.far_sends(kText, "waits for long"));
    for (int i = 0; i < 20; ++i) {
      it.pass(300);
      it.near().link_state.acknowledged += 1;
    }
    CHECK_FALSE(it.host.ended_by);
    it.pass(399);
    CHECK_FALSE(it.host.ended_by);
    it.pass(101);  // looked at every 100 ms
    it.expect_end(it.near_as_initiator(), Why::kSlow);
  });
}

TEST_CASE("more bytes for a side that takes none do not give it more time") {
  both_ways([](TunnelFixture& it) {
    it.limits.stalled_write = Milliseconds(400);
    it.begin();
    it.near().room = 0;
    it.far().receive(it.far_sends(kText, "x"));
    it.pass(300);
    it.far().receive(it.far_sends(kText, "y"));
    it.pass(99);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(it.near_as_initiator(), Why::kSlow);
  });
}

TEST_CASE("one verdict a session: the Close that a slow client is to get waits, though the backend is late as well") {
  TunnelFixture it;
  it.limits.stalled_write = Milliseconds(130);
  it.limits.ping_backend = Milliseconds(100);
  it.limits.ping_timeout = Milliseconds(30);
  it.begin();
  it.host.client().room = 0;
  const std::string message = frame(Sender::kBackend, kText, "hello");
  it.host.backend().receive(message.substr(0, 4));
  it.pass(130);
  it.expect_end(Initiator::kClient, Why::kSlow);
  it.host.backend().receive(message.substr(4));
  it.host.client().drain(1'000);
  CHECK(it.got_close(it.host.client(), message, close_payload(1008, "too slow")));
}

TEST_CASE("a queue that has been written is not stalled any more, and the next one begins anew") {
  both_ways([](TunnelFixture& it) {
    it.limits.stalled_write = Milliseconds(400);
    it.begin();
    it.near().room = 0;
    it.far().receive(it.far_sends(kText, "x"));
    it.pass(399);
    it.near().drain(100);
    it.pass(10'000);
    CHECK_FALSE(it.host.ended_by);
    it.far().receive(it.far_sends(kText, "y"));
    it.pass(399);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(it.near_as_initiator(), Why::kSlow);
  });
}

TEST_CASE("a peer that vanishes while it is not read is noticed within 250 ms") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.far().room = 0;
    it.near().receive(it.near_sends(kBinary, std::string(1'000, 'x')));
    REQUIRE(it.near().paused());
    it.pass(10'000);
    CHECK_FALSE(it.host.ended_by);
    it.near().link_state.lost = true;
    it.pass(250);
    it.expect_end(it.near_as_initiator(), it.near_lost());
    it.far().drain(10'000);
    const Wire wire = read_wire(it.far().taken());
    REQUIRE(wire.frames.size() == 2);
    CHECK(wire.frames[1].payload == it.for_innocent());
    CHECK(it.far().fin());
    it.near().receive_end(net::ReadEnd::kReset);  // now the stream says so too
    CHECK_FALSE(it.host.finished);
    it.far().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);
    it.expect_end(it.near_as_initiator(), it.near_lost());
  });
}

TEST_CASE("the first look at a peer that is not read comes after 250 ms, whatever else is waited for") {
  both_ways([](TunnelFixture& it) {
    it.limits.idle = Milliseconds(60'000);
    it.begin();
    it.pass(70);
    it.far().room = 0;
    it.near().receive(it.near_sends(kBinary, std::string(1'000, 'x')));
    it.near().link_state.lost = true;
    it.pass(249);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(it.near_as_initiator(), it.near_lost());
  });
}

TEST_CASE("a peer that is read says itself that it goes: its link is not looked at") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.near().link_state.lost = true;
    it.pass(99);
    CHECK_FALSE(it.host.ended_by);
  });
}

}  // namespace
}  // namespace drover::proxy::test
