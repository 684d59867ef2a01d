// What `drover ctl drain` asks for, and what it shows of a plan from its start to its end.
#include "app/ctl_drains.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace drover;
using namespace drover::app;
using namespace std::chrono_literals;
using Surface = DrainProgress::Surface;

namespace {

constexpr MonotonicTime kStart{Milliseconds(1'000'000)};
constexpr const char* kClear = "\r\x1b[K";

DrainAnswer plan(const std::string& state, std::uint64_t left = 199) {
  auto drain = read_drain(
      R"({"id":"d1","cause":"operator","pool":"chat","backend":"web-1","state":"running","total":500,
          "moved":{"handoff":300,"notify":0,"close":0,"forced":1,"failed":0},"left":199,"pace":200.0,"eta_ms":995,
          "warnings":[],"backends":["web-1"],"told":0,"ended":0,"deadline_ms":59000})");
  drain.state = state;
  drain.left = left;
  return drain;
}

}  // namespace

TEST_CASE("ctl drain: the body has the terms that were given, and nothing else") {
  CHECK(drain_body({}).empty());
  CtlLine::Drain drain;
  drain.pool = "chat";
  drain.pace = "200/s";
  drain.wait = CtlLine::Drain::Wait::kNot;
  CHECK(drain_body(drain) == R"({"pace":"200/s"})");
  drain.mode = "close";
  drain.deadline = "1m";
  drain.grace = "5s";
  drain.dry_run = true;
  CHECK(drain_body(drain) == R"({"mode":"close","pace":"200/s","deadline":"1m","grace":"5s","dry_run":true})");
  CHECK(drain_target("a/b", "web@1:2") == "/api/v1/backends/a%2Fb/web%401%3A2/drain");
  CHECK(drain_target("a/b", "") == "/api/v1/pools/a%2Fb/drain");
}

TEST_CASE("ctl drain: which states are an end, and which of them a success") {
  for (const char* state : {"running", "waiting", "frozen"}) {
    CHECK_FALSE(has_ended(plan(state)));
    CHECK_FALSE(has_succeeded(plan(state)));
  }
  for (const char* state : {"expired", "cancelled", "", "of another Drover"}) {
    CHECK(has_ended(plan(state)));
    CHECK_FALSE(has_succeeded(plan(state)));
  }
  for (const char* state : {"done", "dry_run"}) {
    CHECK(has_ended(plan(state)));
    CHECK(has_succeeded(plan(state)));
  }
}

TEST_CASE("ctl drain: a line tells of a plan") {
  CHECK(drain_text(plan("running")) == "chat/web-1: running, 60 %, 199 of 500 left, 200/s, 995ms to go\n");
  CHECK(drain_text(plan("waiting")) == "chat/web-1: waiting, 60 %, 199 of 500 left, no other backend can take them\n");
  CHECK(drain_text(plan("frozen")) == "chat/web-1: frozen, 60 %, 199 of 500 left\n");
  CHECK(drain_text(plan("done", 0)) == "chat/web-1: done, 500 sessions: handoff 300, forced 1\n");
  CHECK(drain_text(plan("expired")) ==
        "chat/web-1: expired, 500 sessions, 199 of them still there: handoff 300, forced 1\n");
  auto told = plan("running");
  told.told = 12;
  told.backends = {"web-1", "web-2"};
  CHECK(drain_text(told) == "pool chat: running, 60 %, 199 of 500 left (12 told), 200/s, 995ms to go\n");
  auto dry = plan("dry_run", 0);
  dry.handoff = 3;
  dry.notify = 2;
  dry.close = 1;
  dry.forced = 0;
  dry.total = 6;
  CHECK(drain_text(dry) == "chat/web-1: dry run, 6 sessions in 995ms at 200/s: handoff 3, notify 2, close 1\n");
  auto one = plan("done", 0);
  one.total = 1;
  one.handoff = one.forced = 0;
  one.ended = 1;
  one.backends = {"\x1b[2J"};
  CHECK(drain_text(one) == "chat/\\x1b[2J: done, 1 session: ended by themselves 1\n");
  CHECK(drain_text(read_drain("{}")) == "all pools: unknown, 0 sessions\n");
}

TEST_CASE("ctl drain: a terminal has one line, which is drawn again in its place") {
  DrainProgress progress(Surface::kTerminal, {});
  auto shown = progress.take(plan("running", 500), kStart);
  CHECK(shown.before.empty());
  CHECK(shown.line ==
        std::string(kClear) + "chat/web-1 [--------------------] running, 0.0 %, 500 of 500 left, 200/s, 995ms to go");
  shown = progress.take(plan("running"), kStart);
  CHECK(shown.line ==
        std::string(kClear) + "chat/web-1 [############--------] running, 60 %, 199 of 500 left, 200/s, 995ms to go");
  auto warned = plan("running", 100);
  warned.warnings = {"slow\n", "no other"};
  shown = progress.take(warned, kStart);
  CHECK(shown.before == kClear);  // the warning is not to stand behind half a line
  CHECK(shown.warnings == "warning: slow\\x0a\nwarning: no other\n");
  CHECK(shown.line.starts_with(kClear));
  shown = progress.take(warned, kStart);
  CHECK(shown.before.empty());
  CHECK(shown.warnings.empty());  // once each
  shown = progress.take(plan("done", 0), kStart);
  CHECK(shown.before == kClear);
  CHECK(shown.line == "chat/web-1: done, 500 sessions: handoff 300, forced 1\n");
}

TEST_CASE("ctl drain: the line fits the terminal") {
  DrainProgress progress(Surface::kTerminal, {.colours = Screen::Colours::kOff, .width = 20});
  CHECK(progress.take(plan("running"), kStart).line == std::string(kClear) + "chat/web-1 [#######");
}

TEST_CASE("ctl drain: a file has a line at each change of state, and every five seconds") {
  DrainProgress progress(Surface::kFile, {});
  CHECK(progress.take(plan("running", 500), kStart).line.starts_with("chat/web-1: running, 0.0 %"));
  CHECK(progress.take(plan("running", 400), kStart + 4'999ms).line.empty());
  CHECK(progress.take(plan("running", 400), kStart + 5'000ms).line.contains("400 of 500"));
  CHECK(progress.take(plan("running", 300), kStart + 5'250ms).line.empty());
  CHECK(progress.take(plan("frozen", 300), kStart + 5'500ms).line.contains("frozen"));
  CHECK(progress.take(plan("frozen", 300), kStart + 5'750ms).line.empty());
  const auto shown = progress.take(plan("cancelled", 300), kStart + 6'000ms);
  CHECK(shown.before.empty());
  CHECK(shown.line == "chat/web-1: cancelled, 500 sessions, 300 of them still there: handoff 300, forced 1\n");
}

TEST_CASE("ctl drains: a table of plans") {
  auto pool = plan("waiting", 7);
  pool.id = "d2";
  pool.cause = "reload";
  pool.backends = {"web-1", "web-2"};
  auto large = plan("done", 0);
  large.id = "d3";
  large.backends = {"a", "b", "c", "d"};
  const DrainsAnswer drains{.drains = {plan("running"), pool, large, read_drain("{}")}};
  CHECK(
      drains_table(drains, {}) ==
      "ID  CAUSE     POOL  BACKEND      STATE    SESSIONS  LEFT  HANDOFF  NOTIFY  CLOSE  FORCED  FAILED   PACE  TO GO\n"
      "d1  operator  chat  web-1        running       500   199      300       0      0       1       0  200/s  995ms\n"
      "d2  reload    chat  web-1,web-2  waiting       500     7      300       0      0       1       0      -      -\n"
      "d3  operator  chat  4 backends   done          500     0      300       0      0       1       0      -      -\n"
      "              *     *            unknown         0     0        0       0      0       0       0      -      "
      "-\n");
}

TEST_CASE("ctl: plans and reloads are read as far as they go") {
  const auto drains = read_drains(R"({"drains":[{"id":"d1","backends":["a",1]},7],"frozen":true})");
  CHECK(drains.frozen);
  REQUIRE(drains.drains.size() == 2);
  CHECK(drains.drains[0].backends == std::vector<std::string>{"a"});
  CHECK_FALSE(drains.drains[0].total.has_value());
  CHECK_FALSE(read_drains("[]").frozen);
  const auto reload = read_reload(R"({"error":"a","errors":["a","b"],"changes":["c"],"warnings":["w"]})");
  CHECK(reload.errors == std::vector<std::string>{"a", "b"});
  CHECK(reload.changes == std::vector<std::string>{"c"});
  CHECK(reload.warnings == std::vector<std::string>{"w"});
}
