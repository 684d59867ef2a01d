// A session that ends while it is being moved, and a backend that ends while it is being left: at each stage.
#include <doctest/doctest.h>

#include <string>

#include "unit/proxy/handoff_fixture.h"

namespace drover::proxy {

using namespace test;

namespace {

template <class Test>
void at_each_stage(Test test) {
  for (const auto stage : {Stage::kDialling, Stage::kWaiting, Stage::kLeaving}) {
    CAPTURE(static_cast<int>(stage));
    HandoffFixture it;
    it.bring_to(stage);
    if (stage == Stage::kWaiting) CHECK(told(it.old()) == "ha-");
    test(it, stage);
  }
}

// The handoff is over since the session is, and whoever was dialled is let go.
void expect_ended(HandoffFixture& it) {
  CHECK(it.moves->handoff() == nullptr);
  REQUIRE(it.moves->ended.size() == 1);
  CHECK(!it.moves->ended[0].result);
  CHECK(it.moves->current() == nullptr);
  Candidate& next = it.moves->candidates[0];
  CHECK(next.state == Candidate::State::kDropped);
  CHECK(told(next.stream) == (next.told_not_needed ? "close(1001) ." : ""));
  CHECK(!it.host.alarm);
}

void expect_finish(HandoffFixture& it) {
  it.client().receive_end(net::ReadEnd::kEof);
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
}

}  // namespace

TEST_CASE("Drover shuts down") {
  at_each_stage([](HandoffFixture& it, Stage) {
    it.tunnel->shut_down(websocket::CloseCode::kGoingAway, "shutdown", Why::kShutdown);
    expect_ended(it);
    CHECK(told(it.client()) == "close(1001) .");
    CHECK(told(it.old()) == "close(1001) .");
    it.expect_end(Initiator::kDrover, Why::kShutdown);
    CHECK(it.client_closes(1001));
    expect_finish(it);
  });
}

TEST_CASE("the client closes before it is held: that cancels") {
  for (const auto stage : {Stage::kDialling, Stage::kWaiting}) {
    HandoffFixture it;
    it.bring_to(stage);
    it.client_closes(1000);
    expect_ended(it);
    CHECK(told(it.old()) == (stage == Stage::kWaiting ? "ha- close(1000)" : "close(1000)"));
    it.old_closes(1000);
    CHECK(told(it.client()) == "close(1000) .");
    it.expect_end(Initiator::kClient, Why::kNormal);
    expect_finish(it);
  }
}

TEST_CASE("the client closes in the read that has its boundary: that Close follows enter") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "bye") +
                      it.from_client(kClose, close_payload(1000)));
  CHECK(told(it.old()) == "ha- lf " + it.leave());
  it.old_says(it.left("1"));
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " bye close(1000)");
  next.stream.receive(it.from_backend(kClose, close_payload(1000)));
  CHECK(told(it.client()) == "close(1000) .");
  next.stream.receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
  it.expect_end(Initiator::kClient, Why::kNormal);
}

TEST_CASE("the client breaks a rule before it is held") {
  at_each_stage([](HandoffFixture& it, Stage stage) {
    const bool read = it.client_says("illegal", 0x83);
    CHECK(read == (stage != Stage::kLeaving));
    if (!read) return;
    expect_ended(it);
    CHECK(told(it.client()) == "close(1002) .");
    it.expect_end(Initiator::kDrover, Why::kProtocolError);
    expect_finish(it);
  });
}

TEST_CASE("the client breaks a rule behind its boundary: the new backend's client is the one that ends") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(0x83, "illegal"));
  CHECK(!it.host.ended_by);
  it.old_says(it.left("1"));
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " close(1001) .");
  CHECK(told(it.client()) == "close(1002) .");
}

TEST_CASE("the client's connection ends before it is held") {
  for (const auto end : {net::ReadEnd::kEof, net::ReadEnd::kReset}) {
    at_each_stage([end](HandoffFixture& it, Stage stage) {
      CHECK(it.client().receive_end(end) == (stage != Stage::kLeaving));
      if (stage == Stage::kLeaving) return;
      expect_ended(it);
      CHECK(told(it.old()) == "close(1001) .");
      it.expect_end(Initiator::kClient, Why::kClientLost);
      it.old().receive_end(net::ReadEnd::kEof);
      CHECK(it.host.finished);
    });
  }
}

TEST_CASE("the client is lost while it is held") {
  HandoffFixture it;
  it.bring_to(Stage::kLeaving);
  it.client().link_state.lost = true;
  it.pass(Milliseconds(249));
  CHECK(it.moves->handoff() != nullptr);
  it.pass(Milliseconds(1));
  expect_ended(it);
  CHECK(told(it.old()) == "close(1001) .");
  it.expect_end(Initiator::kClient, Why::kClientLost);
}

TEST_CASE("the client is lost while there is no backend: whoever has had its Close gets nothing behind it") {
  HandoffFixture it;
  it.bring_to(Stage::kDialling);
  it.old_closes(1001);
  CHECK(told(it.old()) == "close(1001) .");
  it.client().link_state.lost = true;
  it.pass(Milliseconds(250));
  expect_ended(it);
  CHECK(told(it.old()) == ".");
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
}

TEST_CASE("Drover shuts down while there is no backend") {
  HandoffFixture it;
  it.bring_to(Stage::kDialling);
  it.old_closes(1012);
  it.tunnel->shut_down(websocket::CloseCode::kGoingAway, "shutdown", Why::kShutdown);
  expect_ended(it);
  CHECK(told(it.client()) == "close(1001) .");
  CHECK(told(it.old()) == "close(1012) .");
  expect_finish(it);
}

TEST_CASE("the old backend closes with another code: the session ends with it") {
  for (const unsigned code : {1000U, 1011U, 4000U}) {
    at_each_stage([code](HandoffFixture& it, Stage stage) {
      it.old_closes(code);
      expect_ended(it);
      CHECK(told(it.client()) == "close(" + std::to_string(code) + ")");
      it.expect_end(Initiator::kBackend, Why::kNormal);
      if (stage == Stage::kWaiting) it.client_says("lf", kLast);
      it.client_closes(code);
      const std::string close = "close(" + std::to_string(code) + ")";
      CHECK(told(it.old()) == (stage == Stage::kWaiting ? "lf " + close : close));
      expect_finish(it);
    });
  }
}

TEST_CASE("the old backend closes with another code: what the client had said goes on to it, the Close included") {
  HandoffFixture it;
  it.bring_to(Stage::kWaiting);
  const std::string close = it.from_client(kClose, close_payload(1000));
  SUBCASE("whole") {
    it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held") + close);
    it.old_closes(1000);
  }
  SUBCASE("cut within a frame") {
    it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held").substr(0, 8));
    it.old_closes(1000);
    it.client().receive(it.from_client(kText, "held").substr(8) + close);
  }
  CHECK(told(it.old()) == "ha- lf " + it.leave() + " held close(1000)");
  CHECK(told(it.client()) == "close(1000) .");
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(it.host.finished);
  it.expect_end(Initiator::kBackend, Why::kNormal);
}

TEST_CASE("the old backend goes away by itself, with a Close") {
  for (const unsigned code : {1001U, 1012U}) {
    at_each_stage([code](HandoffFixture& it, Stage stage) {
      Candidate& next = it.moves->candidates[0];
      it.old_closes(code);
      if (stage == Stage::kWaiting) {  // the client is in the middle of a message
        CHECK(it.moves->handoff() == nullptr);
        CHECK(told(it.client()) == "close(1012) .");
        CHECK(told(it.old()) == "close(" + std::to_string(code) + ") .");
        return;
      }
      CHECK(told(it.old()) == "close(" + std::to_string(code) + ") .");
      CHECK(told(it.client()).empty());
      if (stage == Stage::kDialling) {
        CHECK(!it.client_says("not read"));
        it.moves->open();
      }
      CHECK(told(next.stream) == it.enter(1, stage == Stage::kDialling ? "closed" : "forced"));
      CHECK(it.result() == (stage == Stage::kDialling ? MoveResult::kOk : MoveResult::kForced));
      CHECK(it.old().late_writes == 0);
      it.expect_served_by(next.stream);
    });
  }
}

TEST_CASE("how long a client was held whose backend closed while another was dialled") {
  HandoffFixture it;
  it.bring_to(Stage::kDialling);
  it.pass(Milliseconds(100));
  it.old_closes(1001);
  it.pass(Milliseconds(300));
  it.moves->open();
  CHECK(it.moves->ended.back().held_for == Milliseconds(300));
}

TEST_CASE("the old backend's connection ends") {
  for (const auto end : {net::ReadEnd::kEof, net::ReadEnd::kReset}) {
    at_each_stage([end](HandoffFixture& it, Stage stage) {
      Candidate& next = it.moves->candidates[0];
      it.old().receive_end(end);
      if (stage == Stage::kLeaving) {
        CHECK(told(next.stream) == it.enter(1, "forced"));
        CHECK(it.result() == MoveResult::kForced);
        CHECK(it.moves->old_had_ended);
        it.expect_served_by(next.stream);
        return;
      }
      CHECK(it.moves->ended.at(0).result == MoveResult::kFailed);  // as ever, where it is not rescued
      CHECK(told(it.client()) == "close(1012) .");
      it.expect_end(Initiator::kBackend, Why::kBackendLost);
    });
  }
}

TEST_CASE("the old backend's connection ends behind left, while another one is dialled") {
  HandoffFixture it;
  it.bring_to(Stage::kLeaving);
  Candidate& second = it.moves->add();
  it.moves->kill();
  it.old_says(it.left("1"));
  it.old().receive_end(net::ReadEnd::kEof);
  SUBCASE("that takes the session, and its state") {
    it.moves->open();
    CHECK(told(second.stream) == it.enter(2, "left", "1"));
    it.expect_served_by(second.stream);
  }
  SUBCASE("and there is no way back") {
    it.moves->kill();
    CHECK(told(it.client()) == "close(1012) .");
    CHECK(it.result() == MoveResult::kFailed);
  }
}

TEST_CASE("the old backend ends in the middle of a message, which cannot be repaired") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old_says("never", kTextBegins);
  SUBCASE("with EOF") {
    it.old().receive_end(net::ReadEnd::kEof);
    CHECK(told(it.old()).empty());
  }
  SUBCASE("with a Close") {
    it.old_closes(1001);
    CHECK(told(it.old()) == "close(1001) .");
  }
  CHECK(told(it.client()) == "never- close(1012) .");
  CHECK(told(next.stream) == "close(1001) .");
  CHECK(it.moves->handoff() == nullptr);
  CHECK(it.host.ended_by == Initiator::kBackend);
}

TEST_CASE("a client that waits to be told that its backend is lost is not held, and nobody is kept for it") {
  HandoffFixture it;
  it.host.farewell_after = Milliseconds(5'000);
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old_says("never", kTextBegins);
  it.old().receive_end(net::ReadEnd::kEof);
  CHECK(it.moves->handoff() == nullptr);
  CHECK(next.state == Candidate::State::kDropped);
  CHECK(!it.client_is_held());
  it.pass(Milliseconds(4'999));
  CHECK(told(it.client()) == "never-");
  it.pass(Milliseconds(1));
  CHECK(told(it.client()) == "close(1012) .");
  CHECK(it.moves->ended.size() == 1);
}

TEST_CASE("a peer that takes nothing while it is left or held") {
  auto limits = HandoffFixture::usual_limits();
  limits.stalled_write = Milliseconds(300);
  HandoffFixture it(Form::kContract, limits);
  SUBCASE("the client") {
    it.client().room = 0;
    it.old_says("reply");
    it.bring_to(Stage::kLeaving);
    it.pass(Milliseconds(300));
    it.expect_end(Initiator::kClient, Why::kSlow);
  }
  SUBCASE("the old backend") {
    it.old().room = 0;
    it.moves->add();
    it.moves->begin();
    it.client_says("takes none of this");
    it.moves->open();
    it.pass(Milliseconds(300));
    it.expect_end(Initiator::kBackend, Why::kSlow);
  }
  expect_ended(it);
}

TEST_CASE("the old backend is silent") {
  auto limits = HandoffFixture::usual_limits();
  limits.ping_backend = Milliseconds(200);
  limits.ping_timeout = Milliseconds(100);
  HandoffFixture it(Form::kContract, limits);
  SUBCASE("behind leave: it is gone") {
    Candidate& next = it.bring_to(Stage::kLeaving);
    it.pass(Milliseconds(300));
    CHECK(it.result() == MoveResult::kForced);
    CHECK(told(next.stream) == it.enter(1, "forced"));
    CHECK(!it.moves->old_had_ended);
    it.expect_served_by(next.stream);
  }
  SUBCASE("before: it cannot be asked any more") {
    it.bring_to(Stage::kWaiting);
    it.pass(Milliseconds(300));
    CHECK(it.moves->handoff() == nullptr);
    it.expect_end(Initiator::kBackend, Why::kPingTimeout);
  }
}

TEST_CASE("a client that is held is not judged by its silence") {
  auto limits = HandoffFixture::usual_limits();
  limits.ping_client = Milliseconds(200);
  limits.ping_timeout = Milliseconds(100);
  HandoffFixture it(Form::kContract, limits);
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.pass(Milliseconds(900));
  CHECK(!it.host.ended_by);
  it.old_says(it.left("1"));
  it.pass(Milliseconds(199));
  CHECK(told(it.client()).empty());
  it.expect_served_by(next.stream);
}

TEST_CASE("an idle session ends in the middle of its move, too") {
  auto limits = HandoffFixture::usual_limits();
  limits.idle = Milliseconds(500);
  HandoffFixture it(Form::kContract, limits);
  it.bring_to(Stage::kLeaving);
  it.pass(Milliseconds(500));
  expect_ended(it);
  it.expect_end(Initiator::kDrover, Why::kIdle);
}

}  // namespace drover::proxy
