// A drain plan's arithmetic and states, by a clock that stands still until it is moved on. The workers' part is played
// by the tests: they take turns and count.
#include "migration/drain_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <string>

namespace drover::migration {

using namespace std::chrono_literals;

namespace {

constexpr MonotonicTime kNow{1'000'000ms};

std::shared_ptr<balancer::Backend> make_backend(const std::string& name) {
  config::BackendSpec spec;
  spec.name = name;
  spec.address = {"10.0.0.1", 80, "10.0.0.1:80"};
  return std::make_shared<balancer::Backend>("chat", spec);
}

DrainPlan::Terms terms(std::optional<double> pace) {
  DrainPlan::Terms terms;
  terms.id = "d1";
  terms.order.backends = {make_backend("web-1")};
  terms.order.grace = 10s;
  terms.pool = "chat";
  terms.pace = pace;
  terms.deadline = 60s;
  terms.last_turn = 50s;
  return terms;
}

DrainPlan::Seen seen(std::uint64_t active) {
  return {.active = active};
}

// As workers do: sessions are told ahead of their turns, and closed when those come.
class Worker {
 public:
  explicit Worker(std::uint64_t sessions) : untold_(sessions) {}
  std::uint64_t left() const { return untold_ + turns_.size(); }

  // How many were closed.
  std::uint64_t tick(migration::DrainPlan& plan, MonotonicTime now) {
    auto& drain = *plan.drain();
    const auto clock = drain.clock(now);
    while (untold_ > 0) {
      const auto turn = drain.take_turn(clock);
      if (!turn) break;
      turns_.push_back(*turn);
      --untold_;
    }
    std::uint64_t closed = 0;
    for (; !turns_.empty() && turns_.front() <= clock; ++closed) turns_.pop_front();
    drain.told = turns_.size();
    drain.moved[static_cast<std::size_t>(Mode::kClose)] += closed;
    return closed;
  }

 private:
  std::uint64_t untold_;
  std::deque<MonotonicTime> turns_;
};

bool mentions(const DrainView& view, const std::string& words) {
  return std::ranges::any_of(view.warnings,
                             [&](const auto& warning) { return warning.find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("the effective pace leaves nobody behind, and is never below what was wanted") {
  CHECK(effective_pace(20, 100, 50s) == doctest::Approx(20));
  CHECK(effective_pace(20, 2'000, 50s) == doctest::Approx(40));
  CHECK(effective_pace(0, 500, 100ms) == doctest::Approx(5'000));
}

TEST_CASE("auto spreads over what the deadline leaves before the last turn") {
  const DrainPlan plan(terms(std::nullopt), 1'000, kNow);
  CHECK(plan.drain()->pace() == doctest::Approx(20));
  const auto view = plan.view(kNow);
  CHECK(view.pace == doctest::Approx(20));
  CHECK(view.eta == 50s);
  CHECK(view.warnings.empty());
  CHECK(view.total == 1'000);
  CHECK(view.left == 1'000);
  CHECK(view.deadline == 60s);
}

TEST_CASE("a pace that is too slow is raised, and the answer says so") {
  const DrainPlan plan(terms(20), 2'000, kNow);
  CHECK(plan.drain()->pace() == doctest::Approx(40));
  const auto view = plan.view(kNow);
  REQUIRE(view.warnings.size() == 1);
  CHECK(view.warnings[0] ==
        "the pace of 20/s would take 1m41s for 2000 sessions and the deadline leaves 50s: they go at 40/s");
}

TEST_CASE("a pace that is fast enough stays what it is") {
  DrainPlan plan(terms(200), 1'000, kNow);
  CHECK(plan.view(kNow).warnings.empty());
  plan.advance(kNow + 1s, seen(800), plan.progress());
  CHECK(plan.drain()->pace() == doctest::Approx(200));
}

// DESIGN section 7: a deadline never becomes a massacre.
TEST_CASE("it ends at its deadline without ever going faster than its effective pace") {
  DrainPlan plan(terms(10), 2'000, kNow);
  Worker worker(2'000);
  double fastest = 0;
  std::uint64_t most_a_second = 0;
  for (auto second = 0; !plan.ended(); ++second) {
    REQUIRE(second < 70);
    std::uint64_t this_second = 0;
    for (auto tick = 0; tick < 20 && !plan.ended(); ++tick) {
      const auto now = kNow + second * 1s + tick * 50ms;
      this_second += worker.tick(plan, now);
      plan.advance(now, seen(worker.left()), plan.progress());
      fastest = std::max(fastest, plan.drain()->pace());
    }
    most_a_second = std::max(most_a_second, this_second);
  }
  CHECK(plan.state() == DrainState::kDone);
  CHECK(plan.ended_at() <= kNow + 51s);
  CHECK(fastest <= 41);
  CHECK(most_a_second <= 42);
}

TEST_CASE("one that comes late is no reason for a burst") {
  DrainPlan plan(terms(1), 10, kNow);
  plan.advance(kNow + 49'990ms, seen(500), plan.progress());  // they came in the last moment
  CHECK(plan.drain()->pace() <= 500);
}

TEST_CASE("nobody left: done") {
  DrainPlan plan(terms(10), 3, kNow);
  CHECK(!plan.advance(kNow + 1s, seen(3), plan.progress()));
  CHECK(plan.advance(kNow + 2s, seen(0), plan.progress()));
  CHECK(plan.state() == DrainState::kDone);
  CHECK(plan.drain()->over());
  const auto view = plan.view(kNow + 3s);
  CHECK(view.ended == 3);
  CHECK(view.left == 0);
  CHECK(view.eta == 0s);
  CHECK(!plan.advance(kNow + 3s, seen(1), plan.progress()));  // what has ended stays so
}

TEST_CASE("those that are left at the deadline stay, and it says so") {
  DrainPlan plan(terms(10), 3, kNow);
  plan.advance(kNow + 59'999ms, seen(1), plan.progress());
  CHECK(plan.state() == DrainState::kRunning);
  plan.advance(kNow + 60s, seen(1), plan.progress());
  CHECK(plan.state() == DrainState::kExpired);
  CHECK(mentions(plan.view(kNow + 60s), "stay"));
  CHECK(plan.view(kNow + 60s).left == 1);
}

TEST_CASE("who was closed and lingers at the deadline does not make it expire") {
  DrainPlan plan(terms(10), 1, kNow);
  plan.drain()->moved[static_cast<std::size_t>(Mode::kClose)] = 1;
  plan.drain()->leaving = 1;
  plan.advance(kNow + 60s, seen(1), plan.progress());
  CHECK(plan.state() == DrainState::kDone);
}

TEST_CASE("without anybody else it holds, warns, and waits until its deadline") {
  DrainPlan plan(terms(10), 5, kNow);
  const DrainPlan::Seen alone{.active = 5, .others_eligible = false};
  CHECK(plan.advance(kNow, alone, plan.progress()));
  CHECK(plan.state() == DrainState::kWaiting);
  CHECK(plan.drain()->held());
  CHECK(mentions(plan.view(kNow), "nobody else is eligible"));

  SUBCASE("somebody comes") {
    plan.advance(kNow + 20s, seen(5), plan.progress());
    CHECK(plan.state() == DrainState::kRunning);
    CHECK(!plan.drain()->held());
    CHECK(!mentions(plan.view(kNow + 20s), "nobody else"));
    // Its clock stood still, the deadline did not.
    CHECK(plan.drain()->clock(kNow + 20s) == kNow);
    CHECK(plan.drain()->last_turn() == kNow + 30s);
  }
  SUBCASE("nobody comes") {
    plan.advance(kNow + 59s, alone, plan.progress());
    CHECK(plan.state() == DrainState::kWaiting);
    plan.advance(kNow + 60s, alone, plan.progress());
    CHECK(plan.state() == DrainState::kExpired);
    CHECK(plan.view(kNow + 60s).left == 5);
  }
}

TEST_CASE("frozen time does not count") {
  DrainPlan plan(terms(10), 500, kNow);
  plan.advance(kNow + 10s, {.active = 400, .frozen = true}, plan.progress());
  CHECK(plan.state() == DrainState::kFrozen);
  CHECK(plan.drain()->held());
  plan.advance(kNow + 1h, {.active = 400, .frozen = true}, plan.progress());
  CHECK(plan.state() == DrainState::kFrozen);
  CHECK(plan.view(kNow + 1h).deadline == 50s);
  plan.advance(kNow + 1h + 10s, seen(400), plan.progress());
  CHECK(plan.state() == DrainState::kRunning);
  CHECK(plan.view(kNow + 1h + 10s).deadline == 50s);
  CHECK(plan.drain()->clock(kNow + 1h + 10s) == kNow + 10s);
  CHECK(plan.drain()->last_turn() == kNow + 50s);
  CHECK(plan.drain()->pace() == doctest::Approx(10));
}

TEST_CASE("frozen while it waits, and waiting again after it") {
  DrainPlan plan(terms(10), 5, kNow);
  const DrainPlan::Seen alone{.active = 5, .others_eligible = false};
  plan.advance(kNow + 1s, alone, plan.progress());
  plan.advance(kNow + 2s, {.active = 5, .others_eligible = false, .frozen = true}, plan.progress());
  CHECK(plan.state() == DrainState::kFrozen);
  plan.advance(kNow + 12s, alone, plan.progress());
  CHECK(plan.state() == DrainState::kWaiting);
  CHECK(plan.view(kNow + 12s).deadline == 58s);
  plan.advance(kNow + 13s, seen(5), plan.progress());
  CHECK(plan.drain()->clock(kNow + 13s) == kNow + 1s);
}

TEST_CASE("called back, or cancelled") {
  DrainPlan plan(terms(10), 5, kNow);
  SUBCASE("its backends are open again") {
    plan.advance(kNow + 1s, {.active = 0, .called_back = true}, plan.progress());
    CHECK(mentions(plan.view(kNow + 1s), "ready again"));
  }
  SUBCASE("cancelled") {
    plan.cancel(kNow + 1s, "replaced by d2");
    CHECK(mentions(plan.view(kNow + 1s), "replaced by d2"));
    plan.cancel(kNow + 2s, "once more");
    CHECK(!mentions(plan.view(kNow + 2s), "once more"));
  }
  CHECK(plan.state() == DrainState::kCancelled);
  CHECK(plan.drain()->over());
}

TEST_CASE("everybody is accounted for") {
  DrainPlan plan(terms(10), 10, kNow);
  auto& drain = *plan.drain();
  drain.moved[static_cast<std::size_t>(Mode::kNotify)] = 3;
  drain.moved[static_cast<std::size_t>(Mode::kClose)] = 2;
  drain.forced = 1;
  drain.leaving = 2;  // of those that were closed
  drain.told = 1;
  plan.advance(kNow + 1s, seen(4), plan.progress());  // two that leave, one that was told, one that was not
  const auto view = plan.view(kNow + 1s);
  CHECK(view.total == 10);
  CHECK(view.left == 2);
  CHECK(view.told == 1);
  CHECK(view.ended == 2);                              // 10 - 6 moved - 2 that are still to go
  plan.advance(kNow + 2s, seen(14), plan.progress());  // ten more had been in their handshake
  CHECK(plan.view(kNow + 2s).total == 18);
  CHECK(plan.view(kNow + 2s).ended == 0);
}

TEST_CASE("a session that ends between two looks is not counted twice") {
  DrainPlan plan(terms(10), 10, kNow);
  const auto before = plan.progress();
  // It has gone from its backend, and is counted as moved, after the first look and before the second.
  plan.drain()->moved[static_cast<std::size_t>(Mode::kNotify)] = 1;
  plan.advance(kNow + 1s, seen(9), before);
  plan.advance(kNow + 2s, seen(9), plan.progress());
  CHECK(plan.view(kNow + 2s).total == 10);
  CHECK(plan.view(kNow + 2s).ended == 0);
}

TEST_CASE("a plan that begins with nobody is not done at once: a dial may be on its way") {
  DrainPlan plan(terms(10), 0, kNow);
  CHECK(!plan.advance(kNow, seen(0), plan.progress()));
  CHECK(plan.advance(kNow + 100ms, seen(0), plan.progress()));
  CHECK(plan.state() == DrainState::kDone);
}

TEST_CASE("the last who was told decides when it is over, where the pace does not") {
  DrainPlan plan(terms(10), 1, kNow);
  plan.drain()->told = 1;
  plan.drain()->note_due(kNow + 12s);
  plan.drain()->note_due(kNow + 11s);
  plan.advance(kNow + 2s, seen(1), plan.progress());
  CHECK(plan.view(kNow + 2s).eta == 10s);
}

TEST_CASE("a slow pace that keeps the deadline is taken as it is, and nobody is warned of it") {
  auto slow = terms(0.001);
  slow.deadline = slow.last_turn = std::chrono::hours(24);
  for (const std::uint64_t sessions : {0U, 1U, 80U}) {
    const DrainPlan plan(slow, sessions, kNow);
    CHECK(plan.view(kNow).warnings.empty());
    CHECK(plan.view(kNow).pace == doctest::Approx(0.001));
  }
}

namespace {

DrainPlan::Terms rebalance_terms(double pace) {
  auto rebalance = terms(pace);
  rebalance.order.cause = Cause::kRebalance;
  rebalance.order.targets = {make_backend("web-2")};
  rebalance.deadline = rebalance.last_turn = 60s;
  return rebalance;
}

}  // namespace

TEST_CASE("a rebalance keeps its pace: nobody has to go") {
  DrainPlan plan(rebalance_terms(2), 1'000, kNow);
  CHECK(plan.drain()->pace() == doctest::Approx(2));
  CHECK(plan.view(kNow).warnings.empty());
  plan.drain()->told = 2;
  plan.advance(kNow + 59s, seen(900), plan.progress());
  CHECK(plan.drain()->pace() == doctest::Approx(2));
  plan.advance(kNow + 60s, seen(900), plan.progress());
  CHECK(plan.state() == DrainState::kExpired);
}

TEST_CASE("a rebalance is done when nothing is left to move, and tells of what it has moved") {
  DrainPlan plan(rebalance_terms(10), 0, kNow);
  plan.advance(kNow, seen(40), plan.progress());
  CHECK(plan.view(kNow).total == 40);
  plan.drain()->moved[static_cast<std::size_t>(Mode::kHandoff)] = 10;
  plan.advance(kNow + 1s, seen(35), plan.progress());  // some have come meanwhile
  CHECK(plan.view(kNow + 1s).total == 45);
  CHECK(plan.view(kNow + 1s).left == 35);
  CHECK(plan.view(kNow + 1s).eta >= 3'500ms);
  plan.drain()->told = 1;
  for (int look = 0; look < 2; ++look) {
    plan.advance(kNow + 2s, seen(0), plan.progress());  // within 5 % of the mean, by one that is on its way
    CHECK(plan.state() == DrainState::kRunning);
  }
  plan.drain()->told = 0;
  plan.advance(kNow + 2s, seen(0), plan.progress());
  CHECK(plan.state() == DrainState::kDone);
  CHECK(plan.view(kNow + 2s).total == 10);
  CHECK(plan.view(kNow + 2s).ended == 0);
  CHECK(plan.view(kNow + 2s).warnings.empty());
}

TEST_CASE("a rebalance counts the move that began, or ended, while its backends were found even") {
  DrainPlan plan(rebalance_terms(10), 0, kNow);
  plan.advance(kNow + 1s, seen(0), plan.progress());
  CHECK(plan.state() == DrainState::kRunning);  // one may have begun since nobody was seen on the way
  plan.advance(kNow + 2s, seen(1), plan.progress());
  plan.advance(kNow + 3s, seen(0), plan.progress());
  CHECK(plan.state() == DrainState::kRunning);
  plan.drain()->told = 1;
  const auto before = plan.progress();
  plan.drain()->told = 0;
  plan.drain()->moved[static_cast<std::size_t>(Mode::kHandoff)] = 1;
  plan.advance(kNow + 4s, seen(0), before);
  CHECK(plan.state() == DrainState::kRunning);
  plan.advance(kNow + 5s, seen(0), plan.progress());
  CHECK(plan.state() == DrainState::kDone);
  CHECK(plan.view(kNow + 5s).total == 1);
}

TEST_CASE("a rebalance that finds nobody to move is done too, and says so") {
  DrainPlan plan(rebalance_terms(10), 0, kNow);
  plan.advance(kNow, seen(40), plan.progress());
  plan.drain()->told = 1;  // it has found somebody
  plan.advance(kNow + 6s, seen(40), plan.progress());
  plan.drain()->told = 0;
  plan.drain()->moved[static_cast<std::size_t>(Mode::kNotify)] = 1;
  plan.advance(kNow + 12s, seen(39), plan.progress());
  plan.advance(kNow + 13s, {.active = 39, .frozen = true}, plan.progress());
  plan.advance(kNow + 1h, seen(39), plan.progress());
  plan.advance(kNow + 1h + 5s, seen(39), plan.progress());
  CHECK(plan.state() == DrainState::kRunning);
  plan.advance(kNow + 1h + 6s, seen(39), plan.progress());
  CHECK(plan.state() == DrainState::kDone);
  CHECK(mentions(plan.view(kNow + 1h + 6s), "39 sessions more"));
}

TEST_CASE("a rebalance that is not wanted any more") {
  DrainPlan plan(rebalance_terms(10), 40, kNow);
  plan.advance(kNow + 1s, {.active = 40, .called_back = true}, plan.progress());
  CHECK(plan.state() == DrainState::kCancelled);
  CHECK(mentions(plan.view(kNow + 1s), "turned off"));
}

}  // namespace drover::migration
