// A handoff that does not go as planned: nobody takes the session, or the old backend does not let go.
#include <doctest/doctest.h>

#include <string>

#include "net/timer_wheel.h"
#include "unit/proxy/handoff_fixture.h"

namespace drover::proxy {

using namespace test;

namespace {

// It is as if nothing had been.
void expect_stayed(HandoffFixture& it, MoveResult result) {
  CHECK(it.result() == result);
  CHECK(!it.moved());
  CHECK(!it.client_is_held());
  CHECK(!it.host.ended_by);
  it.expect_served_by(it.old());
}

// The client is told to come again.
void expect_broken(HandoffFixture& it, unsigned code = 1012) {
  CHECK(it.result() == MoveResult::kFailed);
  CHECK(told(it.client()) == "close(" + std::to_string(code) + ") .");
  it.expect_end(Initiator::kBackend, Why::kBackendLost);
  CHECK(it.old().fin());
  it.client_closes(code);
  it.client().receive_end(net::ReadEnd::kEof);
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
  CHECK(it.old().late_writes == 0);
}

}  // namespace

TEST_CASE("nobody to dial: the session stays") {
  HandoffFixture it;
  REQUIRE(it.moves->begin());
  expect_stayed(it, MoveResult::kFailed);
}

TEST_CASE("the client in the middle of a message, and nobody takes it: what it sends goes on") {
  HandoffFixture it;
  it.bring_to(Stage::kWaiting);
  SUBCASE("refused") {
    it.moves->refuse();
  }
  SUBCASE("gone") {
    it.moves->kill();
  }
  SUBCASE("called off") {
    it.moves->handoff()->call_off();
  }
  CHECK(it.moves->handoff() == nullptr);
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "more"));
  CHECK(told(it.old()) == "ha- lf more");
}

TEST_CASE("a refusal ends it, while nothing has begun") {
  HandoffFixture it;
  it.bring_to(Stage::kDialling);
  it.moves->add();
  it.moves->refuse();
  expect_stayed(it, MoveResult::kRefused);
}

TEST_CASE("one that cannot be reached is followed by the next, as long as there are any") {
  HandoffFixture it;
  it.bring_to(Stage::kDialling);
  it.moves->add(), it.moves->add();
  it.moves->kill();
  REQUIRE(it.moves->current() == &it.moves->candidates[1]);
  it.moves->kill();
  REQUIRE(it.moves->current() == &it.moves->candidates[2]);
  SUBCASE("and takes it") {
    it.moves->open();
    it.old_says(it.left("1"));
    CHECK(it.result() == MoveResult::kOk);
    it.expect_served_by(it.moves->candidates[2].stream);
  }
  SUBCASE("none is left") {
    it.moves->kill();
    expect_stayed(it, MoveResult::kFailed);
  }
}

TEST_CASE("called off before leave, and not behind it") {
  for (const auto stage : {Stage::kDialling, Stage::kLeaving}) {
    HandoffFixture it;
    Candidate& next = it.bring_to(stage);
    it.moves->handoff()->call_off();
    if (stage == Stage::kDialling) {
      expect_stayed(it, MoveResult::kFailed);
      CHECK(next.state == Candidate::State::kDropped);
    } else {
      it.old_says(it.left("1"));
      it.expect_served_by(next.stream);
    }
  }
}

TEST_CASE("one that was open and is not needed is told") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  it.moves->handoff()->call_off();
  CHECK(told(next.stream) == "close(1001) .");
}

TEST_CASE("time is up") {
  HandoffFixture it;
  SUBCASE("for the dial") {
    Candidate& next = it.bring_to(Stage::kDialling);
    it.pass(kTimeout - Milliseconds(1));
    CHECK(it.moves->handoff() != nullptr);
    it.pass(Milliseconds(1));
    CHECK(next.state == Candidate::State::kDropped);
    expect_stayed(it, MoveResult::kFailed);
  }
  SUBCASE("for the client's boundary") {
    it.bring_to(Stage::kWaiting);
    it.pass(kTimeout);
    CHECK(it.moves->handoff() == nullptr);
    CHECK(told(it.old()) == "ha-");
    it.client_says("lf", kLast);
    expect_stayed(it, MoveResult::kFailed);
  }
  SUBCASE("for left") {
    Candidate& next = it.bring_to(Stage::kLeaving);
    it.pass(kTimeout - Milliseconds(51));
    CHECK(it.moves->handoff() != nullptr);
    it.pass(Milliseconds(51));
    CHECK(told(it.old()) == "close(1001) .");
    CHECK(told(next.stream) == it.enter(1, "forced"));
    CHECK(it.result() == MoveResult::kForced);
    CHECK(it.moved());
    it.old_says("too late");
    it.expect_served_by(next.stream);
  }
  SUBCASE("for left, in the middle of a message of the old one's") {
    Candidate& next = it.bring_to(Stage::kLeaving);
    it.old_says("never", kTextBegins);
    it.pass(kTimeout);
    CHECK(told(it.client()) == "never- close(1012) .");
    CHECK(told(it.old()) == "close(1001) .");
    CHECK(told(next.stream) == "close(1001) .");
    CHECK(it.result() == MoveResult::kFailed);
  }
  SUBCASE("for left, and the last candidate is gone") {
    it.bring_to(Stage::kLeaving);
    it.moves->kill();
    it.pass(kTimeout);
    expect_broken(it);
  }
}

TEST_CASE("the clock stands still while the old backend is held back for a slow client") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.pass(kTimeout / 2);
  it.client().room = 0;
  it.old_says(std::string(2'000, 'x'));
  REQUIRE(it.old().paused());
  it.pass(10 * kTimeout);
  CHECK(it.moves->handoff() != nullptr);
  it.client().drain(2'000);
  CHECK(!it.old().paused());
  it.pass(kTimeout / 2 - Milliseconds(100));
  CHECK(it.moves->handoff() != nullptr);
  it.pass(Milliseconds(150));
  CHECK(it.result() == MoveResult::kForced);
  CHECK(told(next.stream) == it.enter(1, "forced"));
}

TEST_CASE("the clock stands still for a client that reads steadily, but slower than the old backend writes") {
  constexpr Milliseconds kTick = net::TimerWheel::kTick;
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  for (auto passed = Milliseconds(0); passed < 2 * kTimeout; passed += kTick) {
    it.client().room = 0;
    it.old_says(std::string(2'000, 'x'));
    REQUIRE(it.old().paused());
    it.client().drain(2'000);
    REQUIRE(!it.old().paused());
    it.pass(kTick);
    REQUIRE(it.moves->handoff() != nullptr);
  }
  it.pass(kTimeout + kTick);
  CHECK(it.result() == MoveResult::kForced);
  CHECK(told(next.stream) == it.enter(1, "forced"));
}

TEST_CASE("the new one goes behind leave, and the next takes the session") {
  for (const auto failure : {Handoff::Failure::kRefused, Handoff::Failure::kUnreachable}) {
    for (const bool left_is_first : {true, false}) {
      CAPTURE(left_is_first);
      HandoffFixture it;
      it.bring_to(Stage::kLeaving);
      Candidate& second = it.moves->add();
      it.moves->fail(failure);
      REQUIRE(second.state == Candidate::State::kDialled);
      if (left_is_first) {
        it.old_says(it.left("1"));
        CHECK(told(second.stream).empty());
        it.moves->open();
      } else {
        it.moves->open();
        CHECK(told(it.old()).empty());
        it.old_says(it.left("1"));
      }
      CHECK(told(second.stream) == it.enter(2, "left", "1"));
      CHECK(it.result() == MoveResult::kOk);
      it.expect_served_by(second.stream);
    }
  }
}

TEST_CASE("nobody is left behind leave: the old backend gets its state back") {
  HandoffFixture it;
  it.bring_to(Stage::kLeaving);
  SUBCASE("before left") {
    it.moves->kill();
    CHECK(it.client_is_held());
    it.old_says("reply");
    it.old_says(it.left(R"({"n":1})"));
  }
  SUBCASE("behind left, with one more that fails") {
    it.moves->add();
    it.moves->kill();
    it.old_says("reply");
    it.old_says(it.left(R"({"n":1})"));
    CHECK(told(it.old()).empty());
    it.moves->refuse();
  }
  SUBCASE("behind left, with one more that takes too long") {
    it.moves->add();
    it.moves->kill();
    it.old_says("reply");
    it.old_says(it.left(R"({"n":1})"));
    it.pass(kTimeout);
  }
  SUBCASE("a third one is not tried") {
    it.moves->add(), it.moves->add();
    it.moves->kill();
    it.moves->kill();
    it.old_says("reply");
    it.old_says(it.left(R"({"n":1})"));
  }
  CHECK(told(it.old()) == it.enter(0, "left", R"({"n":1})"));
  CHECK(told(it.client()) == "reply");
  expect_stayed(it, MoveResult::kFailed);
}

TEST_CASE("what the client said meanwhile goes behind the enter of the old backend, too") {
  HandoffFixture it;
  it.bring_to(Stage::kWaiting);
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held"));
  it.moves->kill();
  it.old_says(it.left("1"));
  CHECK(told(it.old()) == "ha- lf " + it.leave() + " " + it.enter(0, "left", "1") + " held");
}

TEST_CASE("there is no way back to a backend that went on behind left") {
  HandoffFixture it;
  it.bring_to(Stage::kLeaving);
  SUBCASE("in the same read") {
    it.moves->kill();
    it.old().receive(it.from_backend(kText, it.left("1")) + it.from_backend(kText, "behind"));
  }
  SUBCASE("later") {
    it.moves->add();
    it.moves->kill();
    it.old_says(it.left("1"));
    it.old_says("behind");
    it.moves->kill();
  }
  expect_broken(it);
}

TEST_CASE("the new one cannot even be written to") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  next.stream.fail();
  SUBCASE("and there is another") {
    Candidate& second = it.moves->add();
    it.old_says(it.left("1"));
    CHECK(!it.old().fin());
    it.moves->open();
    CHECK(told(second.stream) == it.enter(2, "left", "1"));
    it.expect_served_by(second.stream);
  }
  SUBCASE("and there is no other") {
    it.old_says(it.left("1"));
    CHECK(told(it.old()) == it.enter(0, "left", "1"));
    expect_stayed(it, MoveResult::kFailed);
  }
}

TEST_CASE("a session that stayed may be moved again") {
  HandoffFixture it;
  it.bring_to(Stage::kLeaving);
  it.moves->kill();
  it.old_says(it.left("1"));
  expect_stayed(it, MoveResult::kFailed);
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old_says(it.left("2"));
  CHECK(told(next.stream) == it.enter(2, "left", "2"));
  it.expect_served_by(next.stream);
}

}  // namespace drover::proxy
