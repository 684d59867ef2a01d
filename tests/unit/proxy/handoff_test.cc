// A session moves by the contract: who gets which bytes, and in which order (DESIGN section 7).
#include <doctest/doctest.h>

#include <string>

#include "support/deflate.h"
#include "unit/proxy/handoff_fixture.h"

namespace drover::proxy {

using namespace test;

TEST_CASE("a handoff from its first dial to its end") {
  HandoffFixture it;
  Candidate& next = it.moves->add();
  REQUIRE(it.moves->begin());
  CHECK(next.state == Candidate::State::kDialled);
  CHECK(!it.client_is_held());
  it.client_says("while it is dialled");
  CHECK(told(it.old()) == "while it is dialled");
  it.moves->open();
  CHECK(it.client_is_held());
  CHECK(told(it.old()) == it.leave());
  CHECK(told(next.stream).empty());
  it.old_says("reply");
  it.old_says(it.left(R"({"n":1})"));
  CHECK(told(it.client()) == "reply");
  CHECK(told(it.old()) == "close(1001) .");
  CHECK(told(next.stream) == it.enter(1, "left", R"({"n":1})"));
  CHECK(it.moved());
  CHECK(it.result() == MoveResult::kOk);
  CHECK(!it.moves->old_had_ended);
  it.expect_served_by(next.stream);
}

TEST_CASE("leave waits for the end of the client's message, wherever it stands") {
  const std::string front = HandoffFixture::from_client(kTextBegins, "front");
  const std::string end = HandoffFixture::from_client(kLast, "end");
  const std::string whole = front + HandoffFixture::from_client(kPing, "p") + end;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    HandoffFixture it;
    it.client().receive(whole.substr(0, cut));
    Candidate& next = it.moves->add();
    it.moves->begin();
    it.moves->open();
    const bool is_header = cut < 6;  // of the message's first frame: nothing of it has been passed on
    CHECK(it.client_is_held() == is_header);
    if (is_header) {
      CHECK(told(it.old()) == it.leave());
      it.old_says(it.left("1"));
      it.client().receive(whole.substr(cut));
      CHECK(told(next.stream) == it.enter(1, "left", "1") + " front- ping(p) end");
      continue;
    }
    CHECK(it.client().receive(whole.substr(cut) + HandoffFixture::from_client(kText, "behind")));
    CHECK(told(it.old()) == "front- ping(p) end " + it.leave());
    it.old_says(it.left("1"));
    CHECK(told(next.stream) == it.enter(1, "left", "1") + " behind");
  }
}

TEST_CASE("half a control frame of the client's goes to the new backend, whole") {
  HandoffFixture it;
  const std::string ping = it.from_client(kPing, "whole");
  it.client().receive(ping.substr(0, 8));
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old_says(it.left("1"));
  it.client().receive(ping.substr(8));
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " ping(whole)");
}

TEST_CASE("of several messages in one read the old backend gets those before the boundary") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "two") + it.from_client(kPing, "p") +
                      it.from_client(kTextBegins, "thr"));
  CHECK(told(it.old()) == "ha- lf " + it.leave());
  CHECK(!it.client_says("ee", kLast));  // not read
  it.old_says(it.left("2"));
  CHECK(told(next.stream) == it.enter(1, "left", "2") + " two ping(p) thr-");
  it.client_says("ee", kLast);
  CHECK(told(next.stream) == "ee");
}

TEST_CASE("a client's message that ends in an empty frame") {
  HandoffFixture it;
  it.bring_to(Stage::kWaiting);
  it.client().receive(it.from_client(kLast, "") + it.from_client(kText, "next"));
  CHECK(told(it.old()) == "ha-  " + it.leave());
}

TEST_CASE("left in fragments, with pings between, is taken out") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  const std::string left = it.left(R"({"long":"state"})");
  it.old_says(left.substr(0, 80), kTextBegins);
  it.old_says("between", kPing);
  it.old_says(left.substr(80), kLast);
  CHECK(told(it.client()) == "ping(between)");
  CHECK(told(next.stream) == it.enter(1, "left", R"({"long":"state"})"));
  CHECK(it.result() == MoveResult::kOk);
}

TEST_CASE("left byte by byte") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  for (const char each : it.from_backend(kText, it.left("[]"))) it.old().receive(std::string_view(&each, 1));
  CHECK(told(it.client()).empty());
  CHECK(told(next.stream) == it.enter(1, "left", "[]"));
}

TEST_CASE("what comes behind left goes to nobody") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old().receive(it.from_backend(kText, "before") + it.from_backend(kText, it.left("1")) +
                   it.from_backend(kText, "behind"));
  CHECK(it.old().receive(it.from_backend(kText, "later")));
  CHECK(told(it.client()) == "before");
  it.expect_served_by(next.stream);
}

TEST_CASE("a left that is none") {
  HandoffFixture it;
  it.bring_to(Stage::kLeaving);
  SUBCASE("with another key it is the client's") {
    it.old_says(it.left("1", 7));
    CHECK(told(it.client()) == it.left("1", 7));
  }
  SUBCASE("as binary, too") {
    it.old_says(it.left("1"), kBinary);
    CHECK(told(it.client()) == it.left("1"));
  }
  SUBCASE("an unknown verb is swallowed") {
    it.old_says(it.to_drover("later", 0));
    CHECK(told(it.client()).empty());
  }
  CHECK(it.moves->handoff() != nullptr);
  CHECK(it.client_is_held());
}

TEST_CASE("a state that cannot be passed on is lost, and the session is not") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  SUBCASE("too large") {
    it.old_says(it.left("\"" + std::string(100, 'x') + "\""));
  }
  SUBCASE("no JSON") {
    it.old_says(it.left("{"));
  }
  CHECK(told(next.stream) == it.enter(1, "forced"));
  CHECK(it.result() == MoveResult::kForced);
  CHECK(told(it.client()).empty());
  it.expect_served_by(next.stream);
}

TEST_CASE("a compressed left is read, where compression is agreed on and leave was sent") {
  auto limits = HandoffFixture::usual_limits();
  limits.scan.permessage_deflate = true;
  HandoffFixture it(Form::kContract, limits);
  it.tunnel->movable()->deflate = true;
  const std::string compressed = drover::test::deflated(it.left(R"({"n":2})"));
  it.old_says(compressed, 0xc1);
  CHECK(told(it.client()) == compressed);
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old_says(compressed, 0xc1);
  CHECK(told(it.client()).empty());
  CHECK(told(next.stream) == it.enter(1, "left", R"({"n":2})"));
}

TEST_CASE("a backend asks to leave") {
  HandoffFixture it;
  Candidate& next = it.moves->add();
  SUBCASE("with leaving") {
    it.old_says(it.to_drover("leaving", 0));
  }
  SUBCASE("with a left that nobody asked for, whose state is dropped") {
    it.old_says(it.left("1"));
  }
  REQUIRE(it.moves->starts == std::vector{HandoffStart::kLeaving});
  it.old_says(it.to_drover("leaving", 0));  // once is enough
  it.old_says(it.left("2"));
  it.moves->open();
  CHECK(told(it.old()) == it.leave());
  it.old_says(it.left("3"));
  CHECK(it.moves->starts.size() == 1);
  CHECK(told(next.stream) == it.enter(1, "left", "3"));
  CHECK(told(it.client()).empty());
}

TEST_CASE("a session moves again and again, with a new key each time") {
  HandoffFixture it;
  FakeStream* serving = &it.old();
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    Candidate& next = it.moves->add();
    REQUIRE(it.moves->begin());
    it.moves->open();
    CHECK(told(*serving) == it.leave(i));
    serving->receive(it.from_backend(kText, it.left("1", i + 1)));  // another's key
    CHECK(told(it.client()) == it.left("1", i + 1));
    serving->receive(it.from_backend(kText, it.left("1", i)));
    CHECK(told(next.stream) == it.enter(i + 1, "left", "1"));
    serving = &next.stream;
    it.expect_served_by(*serving);
  }
}

TEST_CASE("the client is told nothing of it, and what Drover and the backends say to each other is not counted") {
  HandoffFixture it;
  it.client_says("in");
  it.old_says("out");
  CHECK(told(it.old()) == "in");
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.old_says(it.left("1"));
  next.stream.receive(it.from_backend(kText, "out again"));
  it.client_says("in again");
  const std::size_t in = it.from_client(kText, "in").size() + it.from_client(kText, "in again").size();
  CHECK(it.host.traffic.bytes_in.read() == in);
  CHECK(it.host.traffic.messages_in.read() == 2);
  const std::size_t out = it.from_backend(kText, "out").size() + it.from_backend(kText, "out again").size();
  CHECK(it.host.traffic.bytes_out.read() == out);
  CHECK(it.host.traffic.messages_out.read() == 2);
  CHECK(told(it.client()) == "out out again");
}

TEST_CASE("how long the client was held") {
  HandoffFixture it;
  it.bring_to(Stage::kWaiting);
  it.pass(Milliseconds(300));
  it.client_says("lf", kLast);
  it.pass(Milliseconds(200));
  it.old_says(it.left("1"));
  CHECK(it.moves->ended.back().held_for == Milliseconds(200));
}

TEST_CASE("the new backend has spoken already") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  next.early = it.from_backend(kText, "early") + it.from_backend(kTextBegins, "and ha");
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held"));
  it.old_says("last");
  it.old_says(it.left("1"));
  next.stream.receive(it.from_backend(kLast, "lf"));
  CHECK(told(it.client()) == "last early and ha- lf");
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " held");
}

TEST_CASE("the new backend has asked to leave already") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  Candidate& third = it.moves->add();
  next.early = it.from_backend(kText, it.to_drover("leaving", 1));
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held"));
  it.old_says(it.left("1"));
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " held");
  CHECK(third.state == Candidate::State::kDialled);
  CHECK(!it.client_is_held());
  it.moves->open();
  CHECK(told(next.stream) == it.leave(1));
}

TEST_CASE("the new backend has closed already: the next one gets what the client says") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kWaiting);
  Candidate& third = it.moves->add();
  next.early = it.from_backend(kText, "early") + it.from_backend(kClose, close_payload(1001));
  it.client().receive(it.from_client(kLast, "lf") + it.from_client(kText, "held"));
  it.old_says(it.left("1"));
  CHECK(told(it.client()) == "early");
  CHECK(it.client_is_held());
  CHECK(!it.client_says("not read"));
  it.pass(Milliseconds(0));
  REQUIRE(third.state == Candidate::State::kDialled);
  it.moves->open();
  it.client_says("more");
  CHECK(told(next.stream) == it.enter(1, "left", "1") + " held close(1001) .");
  CHECK(told(third.stream) == it.enter(2, "closed") + " more");
  CHECK(next.stream.late_writes == 0);
}

TEST_CASE("a Close and a left in one read: the session moves once") {
  HandoffFixture it;
  Candidate& next = it.bring_to(Stage::kLeaving);
  it.moves->add();
  it.old().receive(it.from_backend(kClose, close_payload(1001)) + it.from_backend(kText, it.left("1")));
  CHECK(told(next.stream) == it.enter(1, "forced"));
  CHECK(it.moves->starts.empty());
  it.expect_served_by(next.stream);
}

}  // namespace drover::proxy
