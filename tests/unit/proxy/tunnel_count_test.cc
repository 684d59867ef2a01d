// What a tunnel counts for its pool, and which Close it says ended it.
#include "proxy/tunnel.h"
#include "unit/proxy/tunnel_fixture.h"

namespace drover::proxy::test {
namespace {

using Kind = MessageTally::Kind;

observe::Passed& from_near(TunnelFixture& it) {
  return it.from_client() ? it.host.pool.in : it.host.pool.out;
}
const observe::Passed& from_far(TunnelFixture& it) {
  return it.from_client() ? it.host.pool.out : it.host.pool.in;
}

TEST_CASE("the pool's counters get what passed each way, by kind and size") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string sent = it.near_sends(kText, "four") + it.near_sends(kBinaryBegins, "five5") +
                             it.near_sends(kPing, "p") + it.near_sends(kLast | kGoesOn, "3") +
                             it.near_sends(kPong, "nobody asked");
    it.near().receive(sent);
    it.far().receive(it.far_sends(kText, ""));
    const auto& near = from_near(it);
    CHECK(near.messages.messages(Kind::kText) == 1);
    CHECK(near.messages.messages(Kind::kBinary) == 1);
    CHECK(near.messages.in_bucket(Kind::kText, MessageTally::bucket_of(4)) == 1);
    CHECK(near.messages.in_bucket(Kind::kBinary, MessageTally::bucket_of(6)) == 1);
    CHECK(near.messages.payload_bytes() == 10);
    CHECK(near.bytes.read() == sent.size());
    CHECK(near.pings.read() == 1);
    CHECK(near.pongs.read() == 1);
    CHECK(near.closes.read() == 0);
    const auto& far = from_far(it);
    CHECK(far.messages.messages(Kind::kText) == 1);
    CHECK(far.bytes.read() == it.far_sends(kText, "").size());
    CHECK(far.pings.read() + far.pongs.read() == 0);
  });
}

TEST_CASE("a Close that passes is counted once; frames of Drover's own are not") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().receive(it.near_sends(kClose, close_payload(1000)) + it.near_sends(kText, "too late"));
    CHECK(from_near(it).closes.read() == 1);
    CHECK(from_near(it).messages.messages(Kind::kText) == 0);
    CHECK(from_far(it).closes.read() == 0);
  });
  TunnelFixture told;
  told.begin();
  told.tunnel->shut_down(CloseCode::kGoingAway, "idle", Why::kIdle);
  CHECK(told.host.pool.in.closes.read() + told.host.pool.out.closes.read() == 0);
}

TEST_CASE("a Pong that answers Drover's own ping is not counted: it goes no further") {
  TunnelFixture it;
  ping_near(it);
  it.begin();
  it.pass(100);
  it.near().receive(it.near_sends(kPong, take_ping(it.near())));
  CHECK(it.host.pool.in.pongs.read() == 0);
  CHECK(it.host.pool.in.bytes.read() == 0);
}

TEST_CASE("the Close that ended a tunnel is the one of who ended it") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    CHECK(it.tunnel->close_code(it.near_as_initiator()) == 0);
    it.near().receive(it.near_sends(kClose, close_payload(3005)));
    it.far().receive(it.far_sends(kClose, close_payload(1000)));
    CHECK(it.tunnel->close_code(it.near_as_initiator()) == 3005);
  });
}

TEST_CASE("where Drover ended it, it is what the offender was told, or both") {
  TunnelFixture told;
  told.begin();
  told.tunnel->shut_down(CloseCode::kGoingAway, "idle", Why::kIdle);
  CHECK(told.tunnel->close_code(Initiator::kDrover) == 1001);
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().receive(it.near_sends(0x83, "reserved"));
    CHECK(it.tunnel->close_code(Initiator::kDrover) == 1002);
    it.tunnel->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    CHECK(it.tunnel->close_code(Initiator::kDrover) == 1002);
  });
}

TEST_CASE("who has broken which rule is told, and nobody else") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    CHECK(it.tunnel->offence().empty());
    it.near().receive(it.near_sends(0x83, "reserved"));
    CHECK(it.tunnel->offence() ==
          std::string("reserved opcode, from the ") + (it.from_client() ? "client" : "backend"));
  });
}

TEST_CASE("what goes wrong after the end is not what ended it") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().receive_end(net::ReadEnd::kEof);
    it.expect_end(it.near_as_initiator(), it.from_client() ? Why::kClientLost : Why::kBackendLost);
    it.far().receive(it.far_sends(0x83, "reserved"));
    CHECK(it.tunnel->close_code(it.near_as_initiator()) == 0);
  });
}

TEST_CASE("what comes behind the frame that Drover's own Close waits for is passed on to nobody, and not counted") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string whole = it.near_sends(kText, "first");
    const std::string next = it.near_sends(kText, "second");
    it.near().receive(whole.substr(0, whole.size() - 1));
    it.tunnel->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    it.near().receive(whole.substr(whole.size() - 1) + next + next.substr(0, next.size() - 1));
    CHECK(from_near(it).messages.messages(Kind::kText) == 1);
    CHECK(from_near(it).bytes.read() == whole.size());
  });
}

TEST_CASE("a side that is lost leaves no Close, one that is given up what it was told") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().receive_end(net::ReadEnd::kReset);
    CHECK(it.tunnel->close_code(it.near_as_initiator()) == 0);
  });
  both_ways([](TunnelFixture& it) {
    begin_pinged(it);
    it.pass(40);
    it.expect_end(it.near_as_initiator(), Why::kPingTimeout);
    CHECK(it.tunnel->close_code(it.near_as_initiator()) == 1001);
  });
}

}  // namespace
}  // namespace drover::proxy::test
