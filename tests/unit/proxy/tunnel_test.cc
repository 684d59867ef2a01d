// How a tunnel passes frames on and how it ends: violations, Closes that cross, half-closes, resets, failed writes,
// orders to go. Every rule is held against both sides.
#include "proxy/tunnel.h"

#include "unit/proxy/tunnel_fixture.h"

namespace drover::proxy::test {
namespace {

using Side = Tunnel::Side;

TEST_CASE("frames pass both ways, the first ones of all included, and are counted") {
  TunnelFixture it;
  const std::string early_answer = it.far_sends(kText, "hello"), early_request = it.near_sends(kText, "hi");
  it.begin(early_answer, early_request);
  CHECK(it.near().taken() == early_answer);
  CHECK(it.far().taken() == early_request);
  const std::string more = it.near_sends(kBinary, "abc") + it.near_sends(kPing, "p");
  it.near().receive(more);
  it.far().receive(it.far_sends(kText, "d"));
  CHECK(it.far().taken() == early_request + more);
  CHECK(it.host.traffic.messages_in.read() == 2);
  CHECK(it.host.traffic.messages_out.read() == 2);
  CHECK(it.host.traffic.bytes_in.read() == early_request.size() + more.size());
  CHECK(it.host.traffic.bytes_out.read() == early_answer.size() + 3);
  CHECK(it.tunnel->to_backend().messages() == 2);
  CHECK(it.tunnel->to_client().messages() == 2);
  CHECK_FALSE(it.host.ended_by);
}

struct Broken {
  std::string frames;
  unsigned code;
  std::string reason;
  Why why;
};

TEST_CASE("who breaks a rule is told which, the other side that it is alone, and nothing of it passes") {
  both_ways([](TunnelFixture& sample) {
    const std::string begins = sample.near_sends(kTextBegins, "1"), goes_on = sample.near_sends(kGoesOn, "2");
    const Broken cases[] = {
        {sample.near_sends(0x83, "x"), 1002, "reserved opcode", Why::kProtocolError},
        {sample.near_sends(kText, "123456789"), 1009, "message too big", Why::kTooBig},
        {begins + goes_on + goes_on + goes_on, 1008, "message of too many fragments", Why::kTooBig},
    };
    for (const Broken& broken : cases) {
      CAPTURE(broken.reason);
      TunnelFixture it(sample.from_client() ? Sender::kClient : Sender::kBackend);
      it.limits.scan = {.max_message_size = 8, .max_fragments = 3, .permessage_deflate = false};
      it.begin();
      const std::string legal = it.near_sends(kText, "legal");
      it.near().receive(legal + broken.frames);
      const std::string passed = legal + (broken.code == 1008 ? begins + goes_on + goes_on : "");
      CHECK(it.got_close(it.near(), "", close_payload(broken.code, broken.reason)));
      CHECK(it.got_close(it.far(), passed, it.for_innocent()));
      it.expect_end(Initiator::kDrover, broken.why);
      CHECK(it.near().receive(legal));  // read, and dropped
      CHECK(it.far().taken().size() > passed.size());
      CHECK_FALSE(it.host.finished);
      it.near().receive_end(net::ReadEnd::kEof);
      CHECK_FALSE(it.host.finished);
      it.far().receive_end(net::ReadEnd::kEof);
      CHECK(it.host.finished);
    }
  });
}

TEST_CASE("where a lost side has left a frame unfinished, the other gets a FIN alone") {
  both_ways([](TunnelFixture& sample) {
    for (const net::ReadEnd end : {net::ReadEnd::kEof, net::ReadEnd::kReset}) {
      TunnelFixture it(sample.from_client() ? Sender::kClient : Sender::kBackend);
      it.begin();
      const std::string message = it.near_sends(kTextBegins, "hello");
      it.near().receive(message.substr(0, message.size() - 1));
      it.near().receive_end(end);
      CHECK(it.got_fin_alone(it.far(), message.substr(0, message.size() - 1)));
      it.expect_end(it.near_as_initiator(), it.near_lost());
    }
  });
}

TEST_CASE("an offender in mid-frame of what it is sent gets its Close behind that frame") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string message = it.far_sends(kText, "hello");
    it.far().receive(message.substr(0, message.size() - 2));
    it.near().receive(it.near_sends(0x83, "x"));
    CHECK(it.got_close(it.far(), "", it.for_innocent()));
    CHECK_FALSE(it.near().fin());
    it.far().receive(message.substr(message.size() - 2));
    CHECK(it.far().receive(it.far_sends(kText, "dropped")));
    CHECK(it.got_close(it.near(), message, close_payload(1002, "reserved opcode")));
  });
}

TEST_CASE("Closes that cross both pass; the client's connection ends then, and the session with the backend's EOF") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string close = it.near_sends(kClose, close_payload(1000, "bye"));
    const std::string answer = it.far_sends(kClose, close_payload(4001));
    it.near().receive(close);
    CHECK_FALSE(it.host.client().fin());
    it.far().receive(answer);
    CHECK(it.far().taken() == close);
    CHECK(it.near().taken() == answer);
    it.expect_end(it.near_as_initiator(), Why::kNormal);
    CHECK((it.from_client() ? it.tunnel->to_backend() : it.tunnel->to_client()).close_code() == 1000);
    CHECK((it.from_client() ? it.tunnel->to_client() : it.tunnel->to_backend()).close_code() == 4001);
    // RFC 6455 section 7.1.1: the server ends the connection, Drover towards the client, the backend towards Drover.
    CHECK(it.host.client().fin());
    CHECK(it.host.client().last_writes == (it.from_client() ? 1 : 0));  // in one segment with the backend's Close
    CHECK_FALSE(it.host.backend().fin());
    CHECK_FALSE(it.host.finished);
    it.host.backend().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);
    it.expect_end(it.near_as_initiator(), Why::kNormal);
  });
}

TEST_CASE("a client's EOF behind both Closes is passed on, and the backend's is waited for") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().receive(it.near_sends(kClose, close_payload(1000)));
    it.far().receive(it.far_sends(kClose, close_payload(1000)));
    it.host.client().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.backend().fin());
    CHECK_FALSE(it.host.finished);
    it.host.backend().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);
  });
}

TEST_CASE("a backend that ends with its Close leaves the client its answer") {
  TunnelFixture it;
  it.begin();
  it.host.backend().receive(it.far_sends(kClose, close_payload(1001)));
  it.host.backend().receive_end(net::ReadEnd::kEof);
  CHECK_FALSE(it.host.finished);
  it.host.client().receive(it.near_sends(kClose, close_payload(1001)));
  CHECK(it.host.finished);
}

TEST_CASE("a client that has sent more behind its Close is lingered for: closing would be a reset") {
  TunnelFixture it;
  it.begin();
  it.host.client().receive(it.near_sends(kClose, close_payload(1000)));
  it.host.backend().receive(it.far_sends(kClose, close_payload(1000)));
  it.host.client().link_state.unread = 1;
  it.host.backend().receive_end(net::ReadEnd::kEof);
  CHECK_FALSE(it.host.finished);
  it.host.client().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
}

TEST_CASE("a client for which the answer to its Close still waits is lingered for") {
  TunnelFixture it;
  it.begin();
  it.host.client().receive(it.near_sends(kClose, close_payload(1000)));
  it.host.client().room = 0;
  it.host.backend().receive(it.far_sends(kClose, close_payload(1000)));
  it.host.backend().receive_end(net::ReadEnd::kEof);
  CHECK_FALSE(it.host.finished);
  it.host.client().drain(1'000);
  CHECK(it.host.client().taken() == it.far_sends(kClose, close_payload(1000)));
  CHECK(it.host.finished);
}

TEST_CASE("after one side's Close the other goes on until its own") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().receive(it.near_sends(kClose, close_payload(1000)));
    it.near().receive_end(net::ReadEnd::kEof);  // Close, then EOF
    const std::string more = it.far_sends(kText, "still here"), last = it.far_sends(kClose, "");
    it.far().receive(more);
    it.far().receive(last);
    CHECK(it.near().taken() == more + last);
    CHECK(it.far().taken() == it.near_sends(kClose, close_payload(1000)));
    it.far().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);
    it.expect_end(it.near_as_initiator(), Why::kNormal);
  });
}

TEST_CASE("timeouts.close ends a closing session at its time, not before, and counts from the first Close") {
  both_ways([](TunnelFixture& it) {
    it.limits.idle = Milliseconds(100'000);
    it.begin();
    it.pass(700);
    it.near().receive(it.near_sends(kClose, close_payload(1000)));
    it.pass(3'000);
    it.far().receive(it.far_sends(kClose, ""));
    it.pass(1'999);
    CHECK_FALSE(it.host.finished);
    it.pass(1);
    CHECK(it.host.finished);
    it.expect_end(it.near_as_initiator(), Why::kNormal);
  });
}

TEST_CASE("a side that ends without a Close leaves one of Drover's to the other, whose answer still arrives") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string passed = it.near_sends(kText, "x");
    it.near().receive(passed);
    it.near().receive_end(net::ReadEnd::kEof);
    CHECK(it.got_close(it.far(), passed, it.for_innocent()));
    it.expect_end(it.near_as_initiator(), it.near_lost());
    const std::string answer = it.far_sends(kText, "y") + it.far_sends(kClose, close_payload(1001));
    it.far().receive(answer);
    CHECK(it.near().taken() == answer);
    CHECK_FALSE(it.host.finished);
    it.far().receive_end(net::ReadEnd::kEof);
    CHECK(it.near().fin());
    CHECK(it.host.finished);
    it.expect_end(it.near_as_initiator(), it.near_lost());
  });
}

TEST_CASE("a reset drops what was meant for that side; the other gets its Close and is read to its end") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().room = 0;
    const std::string large = it.far_sends(kBinary, std::string(3'000, 'x'));
    it.far().receive(large);
    CHECK(it.far().paused());
    it.near().receive_end(net::ReadEnd::kReset);
    CHECK(it.got_close(it.far(), "", it.for_innocent()));
    it.expect_end(it.near_as_initiator(), it.near_lost());
    CHECK_FALSE(it.far().paused());
    const std::size_t waiting = it.near().waiting().size();
    CHECK(it.far().receive(large));
    CHECK(it.near().waiting().size() == waiting);
    CHECK_FALSE(it.host.finished);
    it.far().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);  // though bytes wait that nobody will take
  });
}

TEST_CASE("a session is finished when both have ended and everything has been written") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().room = 0;
    const std::string last = it.far_sends(kText, "last") + it.far_sends(kClose, close_payload(1000));
    it.far().receive(last);
    it.both_end();
    CHECK_FALSE(it.host.finished);
    it.near().drain(last.size() - 1);
    CHECK_FALSE(it.host.finished);
    CHECK_FALSE(it.near().fin());
    it.near().drain(1);
    CHECK(it.near().fin());
    CHECK(it.near().taken() == last);
    CHECK(it.host.finished);
  });
}

TEST_CASE("a write that fails ends that direction only, and what the side said before is still passed on") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.far().fail();
    it.near().receive(it.near_sends(kText, "lost"));
    CHECK_FALSE(it.host.finished);
    const std::string said = it.far_sends(kText, "goodbye");
    it.far().receive(said);
    CHECK(it.near().taken() == said);
    auto& traffic = it.host.traffic;
    const auto& bytes = it.from_client() ? traffic.bytes_in : traffic.bytes_out;
    const std::uint64_t before = bytes.read();
    CHECK(it.near().receive(it.near_sends(kText, "read, and dropped")));
    CHECK(bytes.read() == before);
    it.far().receive_end(net::ReadEnd::kReset);
    CHECK(it.near().taken().size() > said.size());
    CHECK(it.near().fin());
    it.near().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);
  });
}

TEST_CASE("a queue whose write fails is forgotten: its source is drained, and timeouts.close runs") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.far().room = 0;
    it.near().receive(it.near_sends(kBinary, std::string(2'000, 'x')));
    CHECK(it.near().paused());
    it.far().fail();
    CHECK_FALSE(it.near().paused());
    auto& traffic = it.host.traffic;
    const std::uint64_t before = traffic.bytes_in.read() + traffic.bytes_out.read();
    CHECK(it.near().receive(it.near_sends(kText, "read, and dropped")));
    CHECK(traffic.bytes_in.read() + traffic.bytes_out.read() == before);
    it.pass(4'999);
    CHECK_FALSE(it.host.finished);
    it.pass(1);
    CHECK(it.host.finished);
  });
}

TEST_CASE("a session that nothing but a failed write has ended has a cause: without one it had no access line") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().room = 0;
    it.far().receive(it.far_sends(kBinary, std::string(2 * kMaxQueued, 'x')));
    CHECK(it.far().paused());  // so that its end is not read
    it.far().fail();
    it.near().receive(it.near_sends(kText, "lost"));
    it.pass(5'000);
    CHECK(it.host.finished);
    CHECK(it.host.ended_by.has_value());
  });
}

TEST_CASE("an order to go closes each side at its next frame boundary, and the cause is the order") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string message = it.near_sends(kTextBegins, "hello");
    it.near().receive(message.substr(0, message.size() - 2));
    it.tunnel->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    const std::string close = close_payload(1001, "shutdown");
    CHECK(it.got_close(it.near(), "", close));
    CHECK_FALSE(it.far().fin());
    it.near().receive(message.substr(message.size() - 2));
    CHECK(it.near().receive(it.near_sends(kLast, "dropped")));
    CHECK(it.got_close(it.far(), message, close));
    it.both_end();
    CHECK(it.host.finished);
    it.expect_end(Initiator::kDrover, Why::kShutdown);
  });
}

TEST_CASE("where Drover's Close stands behind a queue, its source is drained, and the queue is still written") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    it.near().room = 0;
    const std::string queued = it.far_sends(kBinary, std::string(2 * kMaxQueued, 'x'));
    it.far().receive(queued);
    REQUIRE(it.far().paused());
    it.tunnel->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    CHECK_FALSE(it.far().paused());  // its answer to the Close would not be read
    it.both_end();
    CHECK_FALSE(it.host.finished);
    it.near().drain(it.near().queued());
    CHECK(it.got_close(it.near(), queued, close_payload(1001, "shutdown")));
    CHECK(it.host.finished);
  });
}

TEST_CASE("an order to go in mid-frame that never ends is bounded by timeouts.close") {
  both_ways([](TunnelFixture& it) {
    it.begin();
    const std::string message = it.near_sends(kText, "hello");
    it.near().receive(message.substr(0, message.size() - 1));
    it.tunnel->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    it.pass(4'999);
    CHECK_FALSE(it.host.finished);
    CHECK_FALSE(it.far().fin());
    it.pass(1);
    CHECK(it.host.finished);
  });
}

TEST_CASE("frames put in go towards the side that was named, at once or behind the frame at hand") {
  TunnelFixture it;
  it.begin();
  CHECK(it.tunnel->inject(Side::kClient, Opcode::kText, as_bytes("to the client")) == Relay::Injected::kSent);
  CHECK(it.host.client().taken() == frame(Sender::kBackend, kText, "to the client"));
  CHECK(it.host.backend().taken().empty());

  const std::string begun = frame(Sender::kClient, kText, "hello");
  it.host.client().receive(begun.substr(0, 8));
  CHECK(it.tunnel->inject(Side::kBackend, Opcode::kText, as_bytes("to the backend")) == Relay::Injected::kWaiting);
  it.host.client().receive(begun.substr(8));
  const Wire wire = read_wire(it.host.backend().taken());
  REQUIRE(wire.frames.size() == 2);
  CHECK(wire.frames[1].payload == "to the backend");
  CHECK(wire.frames[1].key.size() == 4);
  CHECK(it.host.traffic.messages_in.read() == 1);
  CHECK(it.host.traffic.messages_out.read() == 0);
  CHECK(it.host.traffic.bytes_in.read() == begun.size());
  CHECK(it.host.traffic.bytes_out.read() == 0);

  it.tunnel->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
  CHECK(it.tunnel->inject(Side::kClient, Opcode::kText, {}) == Relay::Injected::kDropped);
}

}  // namespace
}  // namespace drover::proxy::test
