// A session moves from a backend that knows nothing of it to another such one, and what both forms share between the
// client and the queues.
#include <doctest/doctest.h>

#include <string>

#include "unit/proxy/handoff_fixture.h"

namespace drover::proxy {

using namespace test;

TEST_CASE("an old backend is asked, waited for, closed and followed") {
  HandoffFixture it(Form::kAssume);
  Candidate& next = it.bring_to(Stage::kWaiting);
  CHECK(told(it.old()) == "ha-");
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held"));
  const std::string asked = it.asked();
  CHECK(told(it.old()) == "lf " + asked);
  it.old_says("reply");
  it.old_says(it.ping, kPong);
  it.pass(kQuiet - Milliseconds(1));
  CHECK(told(it.old()).empty());
  it.pass(Milliseconds(1));
  CHECK(told(it.old()) == "close(1001) .");
  it.old_says("last");
  SUBCASE("its Close is the end, with any code") {
    it.old_closes(1000);
  }
  SUBCASE("its EOF is") {
    it.old().receive_end(net::ReadEnd::kEof);
  }
  SUBCASE("its time is over") {
    it.pass(kCloseTime);
  }
  CHECK(told(it.client()) == "reply last");
  CHECK(told(next.stream) == "held");
  CHECK(it.result() == MoveResult::kOk);
  it.expect_served_by(next.stream);
}

TEST_CASE("quiet begins anew with every byte") {
  HandoffFixture it(Form::kAssume);
  it.bring_to(Stage::kLeaving);
  it.old_says(it.ping, kPong);
  for (int i = 0; i < 4; ++i) {
    it.pass(kQuiet - Milliseconds(60));
    it.old_says("still at it");
  }
  CHECK(told(it.old()).empty());
  it.pass(kQuiet + Milliseconds(50));
  CHECK(told(it.old()) == "close(1001) .");
}

TEST_CASE("without its pong, or never quiet: forced") {
  HandoffFixture it(Form::kAssume);
  Candidate& next = it.bring_to(Stage::kLeaving);
  SUBCASE("silent") {
    it.pass(kTimeout);
  }
  SUBCASE("another's pong") {
    it.old_says("other", kPong);
    it.pass(kTimeout);
    CHECK(told(it.client()) == "pong(other)");
  }
  SUBCASE("never quiet") {
    it.old_says(it.ping, kPong);
    for (int i = 0; i < 10; ++i) {
      it.old_says("x");
      it.pass(kTimeout / 10);
    }
  }
  CHECK(told(it.old()) == "close(1001) .");
  it.old_closes(1001);
  CHECK(it.result() == MoveResult::kForced);
  it.expect_served_by(next.stream);
}

TEST_CASE("a Close before it was asked for") {
  HandoffFixture it(Form::kAssume);
  Candidate& next = it.bring_to(Stage::kLeaving);
  SUBCASE("that means so") {
    it.old_closes(1012);
    CHECK(it.result() == MoveResult::kForced);
    it.expect_served_by(next.stream);
  }
  SUBCASE("with another code") {
    it.old_closes(1000);
    CHECK(told(it.client()) == "close(1000)");
    CHECK(it.moves->handoff() == nullptr);
    it.expect_end(Initiator::kBackend, Why::kNormal);
  }
}

TEST_CASE("an end in the middle of a message") {
  HandoffFixture it(Form::kAssume);
  it.bring_to(Stage::kLeaving);
  it.old_says("never", kTextBegins);
  it.pass(kTimeout);
  CHECK(told(it.old()) == "close(1001) .");
  SUBCASE("by Close") {
    it.old_closes(1001);
  }
  SUBCASE("by EOF") {
    it.old().receive_end(net::ReadEnd::kEof);
  }
  SUBCASE("that takes too long") {
    it.pass(kCloseTime);
  }
  CHECK(told(it.client()) == "never- close(1012) .");
  CHECK(it.old().late_writes == 0);
}

TEST_CASE("nobody is left while the old backend is only asked: nothing has happened") {
  HandoffFixture it(Form::kAssume);
  it.bring_to(Stage::kLeaving);
  it.moves->kill();
  CHECK(it.result() == MoveResult::kFailed);
  CHECK(!it.client_is_held());
  it.old_says(it.ping, kPong);
  CHECK(told(it.client()).size() < 20);
  it.pass(2 * kTimeout);
  CHECK(told(it.old()).empty());
  it.expect_served_by(it.old());
}

TEST_CASE("it is not asked to go before somebody is there to take its place") {
  HandoffFixture it(Form::kAssume);
  it.bring_to(Stage::kLeaving);
  Candidate& second = it.moves->add();
  it.moves->kill();
  REQUIRE(second.state == Candidate::State::kDialled);
  it.old_says(it.ping, kPong);
  it.pass(kTimeout - Milliseconds(50));
  CHECK(told(it.old()).empty());
  SUBCASE("who comes") {
    it.moves->open();
    it.pass(Milliseconds(50));
    CHECK(told(it.old()) == "close(1001) .");
    it.old_closes(1001);
    CHECK(it.result() == MoveResult::kOk);
    it.expect_served_by(second.stream);
  }
  SUBCASE("who does not in time") {
    it.pass(Milliseconds(50));
    CHECK(it.result() == MoveResult::kFailed);
    CHECK(second.state == Candidate::State::kDropped);
    it.expect_served_by(it.old());
  }
}

TEST_CASE("nobody is left once it has had its Close: the client is told") {
  HandoffFixture it(Form::kAssume);
  it.bring_to(Stage::kLeaving);
  it.old_says(it.ping, kPong);
  it.pass(kQuiet);
  it.moves->kill();
  CHECK(it.moves->handoff() != nullptr);
  it.old_closes(1001);
  CHECK(told(it.client()) == "close(1012) .");
  CHECK(it.old().late_writes == 0);
}

TEST_CASE("what looks like a message to Drover is the client's") {
  HandoffFixture it(Form::kAssume);
  it.old_says(it.to_drover("leaving", 0));
  CHECK(told(it.client()) == it.to_drover("leaving", 0));
  CHECK(it.moves->starts.empty());
}

TEST_CASE("the client's ping that the old backend has not answered") {
  for (const auto form : {Form::kContract, Form::kAssume}) {
    HandoffFixture it(form);
    it.client_says("one", kPing);
    it.client_says("two", kPing);
    const auto let_go = [&] {
      if (form == Form::kContract) return static_cast<void>(it.old_says(it.left("1")));
      it.old_says(it.ping, kPong);
      it.pass(kQuiet);
      it.old_closes(1001);
    };
    static_cast<void>(it.old().take());
    it.bring_to(Stage::kLeaving);
    SUBCASE("is answered, the last one") {
      let_go();
      CHECK(told(it.client()) == "pong(two)");
    }
    SUBCASE("though an older one was") {
      it.old_says("one", kPong);
      let_go();
      CHECK(told(it.client()) == "pong(one) pong(two)");
    }
    SUBCASE("not where it was") {
      it.old_says("two", kPong);
      let_go();
      CHECK(told(it.client()) == "pong(two)");
    }
  }
}

TEST_CASE("a ping behind the client's boundary is the new backend's to answer") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kPing, "p"));
  it.old_says(it.left("1"));
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " ping(p)");
  CHECK(told(it.client()).empty());
}

TEST_CASE("a client that takes nothing holds back the new backend, too") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.client().room = 0;
  it.old_says(std::string(2'000, 'x'));
  CHECK(it.old().paused());
  it.client().drain(1'100);
  CHECK(it.old().paused());
  it.client().drain(500);
  REQUIRE(!it.old().paused());
  it.old_says(std::string(800, 'y'));
  REQUIRE(it.old().paused());
  it.client().drain(100);
  it.pass(Milliseconds(0));
  SUBCASE("above the mark") {
    it.client().drain(800);
    it.client().room = 0;
    it.old().receive(it.from_backend(kText, std::string(900, 'z')) + it.from_backend(kText, it.left("1")));
    REQUIRE(it.host.client().queued() >= 1'000);
    CHECK(&it.host.backend() == &next.stream);
    CHECK(next.stream.paused());
    it.client().drain(2'000);
    CHECK(!next.stream.paused());
  }
  SUBCASE("below it, it is read") {
    it.client().drain(10'000);
    it.old().receive(it.from_backend(kText, std::string(900, 'z')) + it.from_backend(kText, it.left("1")));
    CHECK(&it.host.backend() == &next.stream);
    CHECK(!next.stream.paused());
  }
}

TEST_CASE("a client that was held back for the old backend is not for the new one") {
  HandoffFixture it;
  Candidate& next = it.moves->add();
  it.moves->begin();
  it.old().room = 0;
  it.client_says(std::string(2'000, 'x'));
  REQUIRE(it.client().paused());
  it.moves->open();
  it.old_says(it.left("1"));
  CHECK(!it.client().paused());
  it.expect_served_by(next.stream);
  it.old().drain(10'000);
  const std::string before = told(it.old());
  CHECK(before.ends_with(it.leave() + " close(1001) ."));
}

TEST_CASE("what the client said meanwhile can hold it back for the new backend") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  next.stream.room = 0;
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, std::string(3'000, 'x')));
  it.old_says(it.left("1"));
  CHECK(it.client().paused());
  CHECK(!it.client_is_held());
  next.stream.drain(10'000);
  CHECK(!it.client().paused());
}

}  // namespace drover::proxy
