// A backend is lost: its client is told so in its turn, and nothing goes wrong while it waits for that.
#include <doctest/doctest.h>

#include <string>

#include "unit/proxy/tunnel_fixture.h"

namespace drover::proxy {

using namespace test;

namespace {

const std::string kBackendLostClose = close_payload(1012, "backend lost");

// The backend (near) is lost, and the client's (far) turn comes in 2 s.
void lose(TunnelFixture& it, net::ReadEnd end = net::ReadEnd::kReset) {
  it.host.farewell_after = Milliseconds(2'000);
  it.begin();
  it.near().receive_end(end);
}

}  // namespace

TEST_CASE("the client is told in its turn, and not before") {
  for (const auto end : {net::ReadEnd::kReset, net::ReadEnd::kEof}) {
    TunnelFixture it(Sender::kBackend);
    lose(it, end);
    it.pass(1'999);
    CHECK(it.far().taken().empty());
    CHECK(!it.far().fin());
    it.pass(1);
    CHECK(it.got_close(it.far(), "", kBackendLostClose));
    it.expect_end(Initiator::kBackend, Why::kBackendLost);
    it.far().receive(it.far_sends(0x88, kBackendLostClose));
    it.far().receive_end(net::ReadEnd::kEof);
    CHECK(it.host.finished);
  }
}

TEST_CASE("a turn that is a moment away is now") {
  TunnelFixture it(Sender::kBackend);
  it.host.farewell_after = Milliseconds(50);
  it.begin();
  it.near().receive_end(net::ReadEnd::kReset);
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
}

TEST_CASE("who waits for a client that is lost does not") {
  TunnelFixture it(Sender::kClient);
  it.host.farewell_after = Milliseconds(2'000);
  it.begin();
  it.near().receive_end(net::ReadEnd::kReset);
  CHECK(it.got_close(it.far(), "", close_payload(1001, "client gone")));
}

TEST_CASE("what the client says meanwhile moves nothing") {
  TunnelFixture it(Sender::kBackend);
  it.limits.ping_client = Milliseconds(500);
  it.limits.ping_timeout = Milliseconds(100);
  it.limits.idle = Milliseconds(300);
  lose(it);
  it.far().receive(it.far_sends(kText, "are you there"));
  it.pass(1'999);
  CHECK(it.far().taken().empty());
  it.pass(1);
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
}

TEST_CASE("what the client says to a socket that is gone does not hasten its turn") {
  TunnelFixture it(Sender::kBackend);
  lose(it, net::ReadEnd::kEof);
  SUBCASE("the write fails at once") {
    it.near().fail();
    it.far().receive(it.far_sends(kText, "are you there"));
  }
  SUBCASE("the write fails later") {
    it.near().room = 0;
    it.far().receive(it.far_sends(kText, "are you there"));
    it.near().fail();
  }
  it.far().receive(it.far_sends(kText, "and now"));
  it.pass(1'999);
  CHECK(it.far().taken().empty());
  CHECK(!it.host.finished);
  it.pass(1);
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
  it.expect_end(Initiator::kBackend, Why::kBackendLost);
  it.far().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
}

TEST_CASE("a client that goes meanwhile ends it") {
  TunnelFixture it(Sender::kBackend);
  lose(it);
  it.far().receive_end(net::ReadEnd::kReset);
  CHECK(it.host.finished);
  it.expect_end(Initiator::kBackend, Why::kBackendLost);
}

TEST_CASE("a client that says it is done is told at once") {
  TunnelFixture it(Sender::kBackend);
  lose(it, net::ReadEnd::kEof);
  it.far().receive_end(net::ReadEnd::kEof);
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
  CHECK(it.host.finished);
}

TEST_CASE("the client's Close meanwhile is answered at once") {
  TunnelFixture it(Sender::kBackend);
  lose(it, net::ReadEnd::kEof);
  it.far().receive(it.far_sends(0x88, close_payload(1000, "")));
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
}

TEST_CASE("an end by Drover meanwhile is the one that it is told of") {
  TunnelFixture it(Sender::kBackend);
  lose(it);
  it.tunnel->shut_down(websocket::CloseCode::kGoingAway, "shutdown", Why::kShutdown);
  CHECK(it.got_close(it.far(), "", close_payload(1001, "shutdown")));
  it.pass(10'000);
  CHECK(it.host.finished);
}

TEST_CASE("a backend that answers no ping is told at once, its client in its turn") {
  TunnelFixture it(Sender::kBackend);
  it.host.farewell_after = Milliseconds(2'000);
  begin_pinged(it);
  it.pass(30);
  CHECK(it.got_close(it.near(), "", close_payload(1001, "ping timeout")));
  CHECK(it.far().taken().empty());
  it.near().receive_end(net::ReadEnd::kReset);  // does not move the turn
  it.pass(1'999);
  CHECK(it.far().taken().empty());
  it.pass(1);
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
  it.expect_end(Initiator::kBackend, Why::kPingTimeout);
}

TEST_CASE("a backend that answers no ping and wakes up says nothing to the client, its own Close least of all") {
  TunnelFixture it(Sender::kBackend);
  it.host.farewell_after = Milliseconds(2'000);
  begin_pinged(it);
  it.pass(30);
  it.near().receive(it.near_sends(kText, "awake") + it.near_sends(kClose, close_payload(1001, "ping timeout")));
  it.near().receive_end(net::ReadEnd::kEof);
  it.pass(1'999);
  CHECK(it.far().taken().empty());
  it.pass(1);
  CHECK(it.got_close(it.far(), "", kBackendLostClose));
}

TEST_CASE("a frame that the backend left unfinished has no Close behind it, in its turn either") {
  TunnelFixture it(Sender::kBackend);
  it.host.farewell_after = Milliseconds(2'000);
  it.begin();
  const std::string half = it.near_sends(kText, "never whole").substr(0, 5);
  it.near().receive(half);
  it.near().receive_end(net::ReadEnd::kReset);
  CHECK(!it.far().fin());
  it.pass(2'000);
  CHECK(it.got_fin_alone(it.far(), half));
}

TEST_CASE("shutting down tells an innocent backend 1001, whatever the client is told") {
  TunnelFixture it(Sender::kClient);
  it.begin();
  it.tunnel->shut_down(websocket::CloseCode::kServiceRestart, "moved", Why::kDrain);
  CHECK(it.got_close(it.near(), "", close_payload(1012, "moved")));
  CHECK(it.got_close(it.far(), "", close_payload(1001, "moved")));
}

}  // namespace drover::proxy
