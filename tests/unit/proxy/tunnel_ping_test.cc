// Pings of Drover's own in a tunnel: who is pinged and when, whose Pongs are swallowed, who is given up. Times are
// worked out by hand; the clock is the test's.
#include "proxy/tunnel.h"
#include "unit/proxy/tunnel_fixture.h"

namespace drover::proxy::test {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kEverything = 1'000'000;

std::optional<microseconds> near_rtt(const TunnelFixture& it) {
  return it.from_client() ? it.tunnel->client_rtt() : it.tunnel->backend_rtt();
}

void expect_ping_timeout(TunnelFixture& it) {
  it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
  CHECK(it.got_close(it.near(), "", close_payload(1001, "ping timeout")));
  CHECK(it.got_close(it.far(), "", it.for_innocent()));
}

TEST_CASE("a silent peer is pinged, its Pong is swallowed and gives the round trip") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.pass(99);
    CHECK(it.near().taken().empty());
    it.pass(1);
    const std::string payload = take_ping(it.near());
    CHECK(near_rtt(it) == std::nullopt);
    it.pass(7);
    it.host.precise_part = microseconds(250);
    it.near().receive(it.near_sends(kPong, payload));
    CHECK(near_rtt(it) == microseconds(7'250));
    CHECK(it.far().taken().empty());
    CHECK(it.host.traffic.bytes_in.read() + it.host.traffic.bytes_out.read() == 0);
    it.pass(99);
    CHECK(it.near().taken().empty());
    it.pass(1);
    CHECK(take_ping(it.near()) != payload);
    CHECK_FALSE(it.host.ended_by);
    CHECK(it.far().taken().empty());
  });
}

TEST_CASE("a round trip begins before the write, which a peer may answer while it lasts") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.near().on_write = [&it] { it.host.precise_part += microseconds(400); };
    it.pass(100);
    it.near().on_write = nullptr;
    it.near().receive(it.near_sends(kPong, take_ping(it.near())));
    CHECK(near_rtt(it) == microseconds(400));
  });
}

TEST_CASE("a peer that speaks and falls silent again is pinged in time, however long ping.timeout is") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.limits.ping_timeout = Milliseconds(5'000);
    it.begin();
    for (int i = 0; i < 3; ++i) {
      it.pass(100);
      const std::string payload = take_ping(it.near());
      it.pass(10);
      it.near().receive(it.near_sends(kPong, payload));
      it.pass(99);
      CHECK(it.near().taken().empty());
      it.pass(1);
      take_ping(it.near());  // 100 ms after the Pong
      it.near().receive(it.near_sends(kText, "alive"));
    }
  });
}

TEST_CASE("Pongs that answer somebody else pass, old answers too") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.pass(100);
    const std::string ours = it.near_sends(kPong, take_ping(it.near()));
    const std::string theirs = it.near_sends(kPong, "theirs") + it.near_sends(kPong, "");
    it.near().receive(theirs);
    it.near().receive(ours);
    CHECK(it.far().taken() == theirs);
    it.near().receive(ours);
    CHECK(it.far().taken() == theirs + ours);
  });
}

TEST_CASE("a Pong of the other side does not answer a peer's ping") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.pass(100);
    const std::string payload = take_ping(it.near());
    it.far().receive(it.far_sends(kPong, payload));
    CHECK(it.near().take() == it.far_sends(kPong, payload));
    CHECK(near_rtt(it) == std::nullopt);
    it.pass(30);
    expect_ping_timeout(it);
  });
}

TEST_CASE("a peer that does not answer is given up at the ping timeout, not before") {
  both_ways([](TunnelFixture& it) {
    begin_pinged(it);
    it.pass(29);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    expect_ping_timeout(it);
    CHECK_FALSE(it.host.finished);
    it.pass(5'000);
    CHECK(it.host.finished);
  });
}

TEST_CASE("a peer given up in the middle of its own frame leaves the other side a FIN alone") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    const std::string whole = it.near_sends(kText, "hello");
    const std::string cut = whole.substr(0, whole.size() - 1);
    it.near().receive(cut);
    it.pass(130);
    it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
    CHECK(it.got_fin_alone(it.far(), cut));
  });
}

TEST_CASE("any byte is life: a peer that sends is neither pinged nor judged") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    const std::string drip = it.near_sends(kText, "a message that comes byte by byte");
    for (const char byte : drip) {
      it.pass(99);
      it.near().receive(std::string_view(&byte, 1));
    }
    CHECK(it.near().taken().empty());
    it.pass(100);
    take_ping(it.near());
    it.pass(29);
    it.near().receive(it.near_sends(kText, "x").substr(0, 1));  // held back, and life all the same
    it.pass(99);
    CHECK(it.near().taken().empty());
    CHECK_FALSE(it.host.ended_by);
  });
}

TEST_CASE("a peer that Drover has paused is neither pinged nor judged, and has all of its time afterwards") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    (it.from_client() ? it.limits.ping_client : it.limits.ping_backend) = Milliseconds(1'000);
    it.begin();
    it.far().room = 0;
    it.pass(1'000);
    take_ping(it.near());
    it.near().receive(it.near_sends(kBinary, std::string(kMaxQueued, 'x')));
    REQUIRE(it.near().paused());  // so that the pong behind this is not read
    it.pass(10'000);
    CHECK(it.near().taken().empty());
    it.far().drain(kMaxQueued);
    REQUIRE_FALSE(it.near().paused());
    it.pass(999);
    CHECK(it.near().taken().empty());
    it.pass(1);
    take_ping(it.near());
    it.pass(29);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
  });
}

TEST_CASE("a peer that takes nothing in is given up, though the frame before its ping cannot end for its sake") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.near().room = 0;
    const std::string message = it.far_sends(kBinary, std::string(60'000, 'x'));
    it.far().receive(message.substr(0, 2 * kMaxQueued));
    REQUIRE(it.far().paused());
    it.pass(129);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
    CHECK(it.far().fin());
  });
}

TEST_CASE("while it takes something in it is not, and one ping waits, however long") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.near().room = 0;
    it.near().link_state.unsent = true;
    const std::string message = it.far_sends(kBinary, std::string(2 * kMaxQueued, 'x'));
    it.far().receive(message.substr(0, message.size() - 1));
    REQUIRE(it.far().paused());
    for (int i = 0; i < 100; ++i) {
      it.pass(29);
      it.near().link_state.acknowledged += 1;
    }
    CHECK_FALSE(it.host.ended_by);
    it.near().drain(kEverything);
    REQUIRE_FALSE(it.far().paused());
    it.near().room = FakeStream::kEndless;
    it.near().take();
    it.far().receive(message.substr(message.size() - 1));
    const Wire behind = read_wire(it.near().take().substr(1));
    REQUIRE(behind.frames.size() == 1);
    CHECK(behind.frames[0].opcode == 9);
  });
}

TEST_CASE("in mid-frame a ping waits, and its timeout begins when it goes out") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    const std::string message = it.far_sends(kTextBegins, "hello");
    it.far().receive(message.substr(0, message.size() - 2));
    it.near().take();
    it.pass(1'000);
    CHECK(it.near().taken().empty());
    CHECK_FALSE(it.host.ended_by);
    it.far().receive(message.substr(message.size() - 2));
    CHECK(it.near().taken().starts_with("lo") == it.from_client());  // else they are masked
    const Wire behind = read_wire(it.near().take().substr(2));
    REQUIRE(behind.frames.size() == 1);
    CHECK(behind.frames[0].opcode == 9);
    it.pass(29);
    CHECK_FALSE(it.host.ended_by);
    it.host.precise_part = microseconds(5);
    it.near().receive(it.near_sends(kPong, behind.frames[0].payload));
    CHECK(near_rtt(it) == microseconds(29'005));
    it.pass(100);
    take_ping(it.near());
    it.pass(30);
    it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
  });
}

TEST_CASE("bytes that have arrived unread are life: it is Drover that is late") {
  both_ways([](TunnelFixture& it) {
    begin_pinged(it);
    it.near().link_state.unread = 1;
    it.pass(30);
    it.near().link_state.unread = 0;
    CHECK_FALSE(it.host.ended_by);
    it.pass(99);
    CHECK(it.near().taken().empty());
    it.pass(1);
    take_ping(it.near());
    it.pass(30);
    expect_ping_timeout(it);
  });
}

TEST_CASE("a peer whose TCP takes bytes in while more are on their way gets another timeout each time") {
  both_ways([](TunnelFixture& it) {
    it.near().link_state = {.lost = false, .unread = 0, .unsent = true, .acknowledged = 10};
    begin_pinged(it);
    for (int i = 0; i < 3; ++i) {
      it.pass(29);
      it.near().link_state.acknowledged += 1;
      it.pass(1);
      CHECK_FALSE(it.host.ended_by);
    }
    it.pass(29);
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    expect_ping_timeout(it);
  });
}

TEST_CASE("a peer whose TCP has taken in nothing since the ping is given up") {
  both_ways([](TunnelFixture& it) {
    it.near().link_state = {.lost = false, .unread = 0, .unsent = true, .acknowledged = 10};
    begin_pinged(it);
    it.pass(30);
    expect_ping_timeout(it);
  });
}

TEST_CASE("what a peer had taken in before a ping that waited went out is no life") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.near().link_state = {.lost = false, .unread = 0, .unsent = true, .acknowledged = 10};
    const std::string message = it.far_sends(kText, "hello");
    it.far().receive(message.substr(0, message.size() - 2));
    it.pass(100);
    it.near().link_state.acknowledged = 20;
    it.far().receive(message.substr(message.size() - 2));
    it.pass(30);
    it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
  });
}

TEST_CASE("a peer whose TCP has taken everything in and says nothing is given up") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    it.near().link_state = {.lost = false, .unread = 0, .unsent = false, .acknowledged = 10};
    it.pass(100);
    take_ping(it.near());
    it.near().link_state.acknowledged = 20;
    it.pass(30);
    expect_ping_timeout(it);
  });
}

TEST_CASE("a Ping of the other side's is on its way already: none of Drover's, the same verdict") {
  both_ways([](TunnelFixture& it) {
    ping_near(it);
    it.begin();
    const std::string theirs = it.far_sends(kPing, "theirs");
    it.far().receive(theirs);
    CHECK(it.near().take() == theirs);
    it.pass(100);
    CHECK(it.near().taken().empty());
    it.pass(10);
    const std::string answer = it.near_sends(kPong, "theirs");
    it.near().receive(answer);
    CHECK(it.far().take() == answer);
    it.pass(100);
    take_ping(it.near());  // it has been answered
    it.near().receive(it.near_sends(kText, "x"));
    it.far().take();
    it.far().receive(theirs);
    it.near().take();
    it.pass(129);
    CHECK(it.near().taken().empty());
    CHECK_FALSE(it.host.ended_by);
    it.pass(1);
    expect_ping_timeout(it);
  });
}

TEST_CASE("interval 0: neither pinged nor judged") {
  both_ways([](TunnelFixture& it) {
    it.limits.ping_timeout = Milliseconds(30);
    it.begin();
    it.pass(1'000'000);
    CHECK(it.near().taken().empty());
    CHECK_FALSE(it.host.ended_by);
  });
}

}  // namespace
}  // namespace drover::proxy::test
