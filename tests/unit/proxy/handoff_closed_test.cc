// Moves that begin with the end of a backend: by a Close that means so, or by its loss.
#include <doctest/doctest.h>

#include <string>

#include "unit/proxy/handoff_fixture.h"

namespace drover::proxy {

using namespace test;

TEST_CASE("a backend that goes away is followed by another") {
  for (const unsigned code : {1001U, 1012U}) {
    HandoffFixture it;
    Candidate& next = it.moves->add();
    it.old_says("last");
    it.old_closes(code);
    REQUIRE(it.moves->starts == std::vector{HandoffStart::kClosed});
    CHECK(told(it.old()) == "close(" + std::to_string(code) + ") .");
    CHECK(it.client_is_held());
    REQUIRE(next.state == Candidate::State::kDialled);
    it.moves->open();
    CHECK(told(next.stream) == it.enter(1, "closed"));
    CHECK(told(it.client()) == "last");
    CHECK(it.result() == MoveResult::kOk);
    it.expect_served_by(next.stream);
  }
}

TEST_CASE("a Close goes to the client") {
  HandoffFixture it;
  SUBCASE("where it may not be followed") {
    it.moves->may_follow = false;
    it.old_closes(1001);
    CHECK(told(it.client()) == "close(1001)");
  }
  SUBCASE("with another code") {
    it.old_closes(1000);
    CHECK(told(it.client()) == "close(1000)");
  }
  SUBCASE("where the client has closed before") {
    it.client_closes(1001);
    it.old_closes(1001);
    CHECK(told(it.client()) == "close(1001) .");
  }
  SUBCASE("where Drover has closed before") {
    it.tunnel->shut_down(websocket::CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    it.old_closes(1001);
    CHECK(told(it.client()) == "close(1001) .");
  }
  CHECK(it.moves->starts.empty());
}

TEST_CASE("where nobody takes a session whose backend has closed, the client is told the same code") {
  HandoffFixture it;
  SUBCASE("nobody is there") {
    it.old_closes(1001);
  }
  SUBCASE("nobody can be reached") {
    it.moves->add();
    it.old_closes(1001);
    it.moves->kill();
  }
  SUBCASE("two refuse") {
    it.moves->add(), it.moves->add(), it.moves->add();
    it.old_closes(1001);
    it.moves->refuse();
    it.moves->refuse();
  }
  SUBCASE("it takes too long") {
    it.moves->add();
    it.old_closes(1001);
    it.pass(kTimeout);
  }
  SUBCASE("it could not begin after all") {
    it.moves->may_begin = false;
    it.old_closes(1001);
  }
  CHECK(told(it.client()) == "close(1001) .");
  CHECK(told(it.old()) == "close(1001) .");
  CHECK(it.old().late_writes == 0);
  it.client_closes(1001);
  it.client().receive_end(net::ReadEnd::kEof);
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
}

TEST_CASE("a backend that goes away in the middle of a message, its own or the client's") {
  HandoffFixture it;
  it.moves->add();
  SUBCASE("its own") {
    it.old_says("ha", kTextBegins);
  }
  SUBCASE("the client's") {
    it.client_says("ha", kTextBegins);
  }
  static_cast<void>(it.client().take());
  it.old_closes(1001);
  CHECK(told(it.client()) == "close(1012) .");
  CHECK(it.moves->starts.empty());
}

TEST_CASE("a backend that goes away in the middle of the client's frame gets no Close into it") {
  HandoffFixture it;
  it.moves->add();
  it.client().receive(it.from_client(kText, "half of it").substr(0, 10));
  it.old_closes(1001);
  CHECK(told(it.old()) == "... .");
  CHECK(told(it.client()) == "close(1012) .");
}

TEST_CASE("ten backends that go away one after the other") {
  HandoffFixture it;
  FakeStream* serving = &it.old();
  for (std::size_t i = 0; i < 10; ++i) {
    Candidate& next = it.moves->add();
    serving->receive(it.from_backend(kClose, close_payload(1001)));
    REQUIRE(it.moves->handoff() != nullptr);
    it.moves->open();
    CHECK(told(next.stream) == it.enter(i + 1, "closed"));
    serving = &next.stream;
    it.expect_served_by(*serving);
  }
  it.moves->may_follow = false;
  serving->receive(it.from_backend(kClose, close_payload(1001)));
  CHECK(told(it.client()) == "close(1001)");
}

TEST_CASE("many that go away at once are followed one after the other") {
  HandoffFixture it;
  it.host.farewell_after = Milliseconds(3'000);
  Candidate& next = it.moves->add();
  it.old_closes(1001);
  CHECK(it.client_is_held());
  it.pass(Milliseconds(2'999));
  CHECK(next.state == Candidate::State::kWaiting);
  it.pass(Milliseconds(1));
  REQUIRE(next.state == Candidate::State::kDialled);
  it.pass(kTimeout - Milliseconds(1));
  CHECK(it.moves->handoff() != nullptr);
  it.moves->open();
  it.expect_served_by(next.stream);
}

TEST_CASE("a lost backend's session is rescued between messages") {
  for (const auto end : {net::ReadEnd::kEof, net::ReadEnd::kReset}) {
    HandoffFixture it;
    it.moves->may_rescue = true;
    Candidate& next = it.moves->add();
    it.client_says("lost with it");
    it.old().receive_end(end);
    REQUIRE(it.moves->starts == std::vector{HandoffStart::kRescue});
    CHECK(it.client_is_held());
    it.pass(Milliseconds(500));
    it.moves->open();
    CHECK(told(next.stream) == it.enter(1, "rescued"));
    CHECK(it.moves->old_had_ended);
    CHECK(it.moves->ended.back().held_for == Milliseconds(500));
    it.expect_served_by(next.stream);
  }
}

TEST_CASE("half a frame header of the lost backend's is forgotten, the client's is not") {
  HandoffFixture it;
  it.moves->may_rescue = true;
  Candidate& next = it.moves->add();
  const std::string half = it.from_backend(kText, std::string(300, 'x')).substr(0, 3);
  const std::string whole = it.from_client(kText, "whole");
  it.old().receive(half);
  it.client().receive(whole.substr(0, 4));
  it.old().receive_end(net::ReadEnd::kReset);
  it.moves->open();
  it.client().receive(whole.substr(4));
  CHECK(told(next.stream) == it.enter(1, "rescued") + " whole");
  it.expect_served_by(next.stream);
}

TEST_CASE("a front that was held back, as it might have become a message to Drover, goes with the lost backend") {
  HandoffFixture it;
  it.moves->may_rescue = true;
  Candidate& next = it.moves->add();
  it.old().receive(it.from_backend(kText, it.left("1")).substr(0, 20));
  it.old().receive_end(net::ReadEnd::kReset);
  it.moves->open();
  it.expect_served_by(next.stream);
}

TEST_CASE("no rescue within a message: the client is told") {
  HandoffFixture it;
  it.moves->may_rescue = true;
  it.moves->add();
  SUBCASE("of the backend's") {
    it.old_says("ha", kTextBegins);
    CHECK(told(it.client()) == "ha-");
  }
  SUBCASE("of the client's") {
    it.client_says("ha", kTextBegins);
  }
  it.old().receive_end(net::ReadEnd::kReset);
  CHECK(it.moves->starts.empty());
  CHECK(told(it.client()) == "close(1012) .");
}

TEST_CASE("nobody takes a session that was to be rescued") {
  HandoffFixture it;
  it.moves->may_rescue = true;
  SUBCASE("nobody is there") {
    it.old().receive_end(net::ReadEnd::kReset);
  }
  SUBCASE("nobody can be reached") {
    it.moves->add();
    it.old().receive_end(net::ReadEnd::kReset);
    it.moves->kill();
  }
  CHECK(told(it.client()) == "close(1012) .");
  it.expect_end(Initiator::kBackend, Why::kBackendLost);
  it.client().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
}

TEST_CASE("a backend that is lost while it was to be left is one to be rescued from") {
  HandoffFixture it;
  it.moves->may_rescue = true;
  it.bring_to(Stage::kDialling);
  Candidate& second = it.moves->add();
  it.old().receive_end(net::ReadEnd::kReset);
  CHECK(it.moves->ended.at(0).result == MoveResult::kFailed);
  REQUIRE(it.moves->starts == std::vector{HandoffStart::kRescue});
  it.moves->open();
  CHECK(told(second.stream) == it.enter(2, "rescued"));
  it.expect_served_by(second.stream);
}

TEST_CASE("a silent backend's session is rescued, and what it says when it wakes up is nobody's") {
  auto limits = HandoffFixture::usual_limits();
  limits.ping_backend = Milliseconds(200);
  limits.ping_timeout = Milliseconds(100);
  HandoffFixture it(Form::kContract, limits);
  it.moves->may_rescue = true;
  Candidate& next = it.moves->add();
  it.pass(Milliseconds(300));
  REQUIRE(it.moves->starts == std::vector{HandoffStart::kRescue});
  it.old_says("awake");
  it.old_closes(1000);
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(told(it.client()).empty());
  it.moves->open();
  CHECK(it.old().fin());
  it.expect_served_by(next.stream);
}

TEST_CASE("the clients of lost backends wait for their turn to be rescued") {
  HandoffFixture it;
  it.moves->may_rescue = true;
  it.host.farewell_after = Milliseconds(2'000);
  Candidate& next = it.moves->add();
  it.old().receive_end(net::ReadEnd::kReset);
  it.pass(Milliseconds(1'999));
  CHECK(next.state == Candidate::State::kWaiting);
  CHECK(!it.client_says("not read"));
  it.pass(Milliseconds(1));
  it.moves->open();
  it.expect_served_by(next.stream);
}

}  // namespace drover::proxy
