// Frozen time does not count: deadline and turns move by it. A plan that waits for somebody to take its sessions does
// not stop its deadline, which then leaves it less time and asks for more pace. A rebalance keeps its pace: nobody has
// to go.
#include "migration/drain_plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "config/values.h"

namespace drover::migration {

namespace {

double seconds(Milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string in_words(double pace) {
  constexpr double kTenths = 10;
  return config::format_rate(std::max(std::round(pace * kTenths) / kTenths, 1 / kTenths));
}

}  // namespace

double effective_pace(double wanted, std::uint64_t left, Milliseconds window) {
  return std::max(wanted, static_cast<double>(left) / seconds(window));
}

// Who comes late is no reason for a burst: what is left of the time counts as this much at least.
Milliseconds DrainPlan::least_window() const {
  return std::clamp(terms_.last_turn, Milliseconds(100), Milliseconds(1'000));
}

DrainPlan::DrainPlan(Terms terms, std::uint64_t sessions, MonotonicTime now)
    : terms_(std::move(terms)),
      started_(now),
      deadline_(now + terms_.deadline),
      moved_at_(now),
      total_(sessions),
      active_(sessions) {
  constexpr double kLeastPace = 0.01;  // a plan without sessions has a pace too
  const bool must_keep_up = terms_.order.cause != Cause::kRebalance;
  const double needed = must_keep_up ? effective_pace(0, sessions, std::max(terms_.last_turn, least_window())) : 0;
  wanted_pace_ = terms_.pace.value_or(std::max(needed, kLeastPace));
  if (needed > wanted_pace_) {
    const auto takes =
        std::chrono::seconds(static_cast<std::int64_t>(static_cast<double>(sessions) / wanted_pace_) + 1);
    warnings_.push_back("the pace of " + in_words(wanted_pace_) + " would take " + config::format_duration(takes) +
                        " for " + std::to_string(sessions) + " sessions and the deadline leaves " +
                        config::format_duration(terms_.last_turn) + ": they go at " + in_words(needed));
  }
  terms_.order.pace = std::max(wanted_pace_, needed);
  terms_.order.last_turn = now + terms_.last_turn;
  drain_ = std::make_shared<Drain>(terms_.order);
}

std::uint64_t DrainPlan::untold() const {
  const std::uint64_t known = drain_->told.load() + drain_->leaving.load();
  return active_ > known ? active_ - known : 0;
}

std::uint64_t DrainPlan::moved() const {
  std::uint64_t sum = drain_->forced.load();
  for (const auto& count : drain_->moved) sum += count.load();
  return sum;
}

DrainPlan::Progress DrainPlan::progress() const {
  const std::uint64_t told = drain_->told.load();  // first: who moves is told until it counts as moved
  const std::uint64_t done = moved();  // then: a session that is closed is leaving before it counts as moved
  return {.told = told, .moved = done, .leaving = drain_->leaving.load()};
}

bool DrainPlan::advance(MonotonicTime now, const Seen& seen, const Progress& done) {
  if (ended()) return false;
  const DrainState before = state_;
  active_ = seen.active;
  if (active_ > 0) was_even_ = false;
  const std::uint64_t leaving = rebalances() ? 0 : std::min(done.leaving, active_);
  total_ = rebalances() ? done.moved + active_ : std::max(total_, done.moved + active_ - leaving);
  if (seen.called_back) {
    warnings_.emplace_back(rebalances() ? "rebalancing was turned off" : "its backends were made ready again");
    end(DrainState::kCancelled, now);
  } else if (fails()) {
    warnings_.push_back(std::to_string(drain_->failed.load()) + " of " + std::to_string(drain_->handed_off.load()) +
                        " handoffs came to nothing, so the plan has halted; the sessions that are left stay");
    end(DrainState::kHalted, now);
  } else if (active_ == 0 && now > started_ && is_over(done)) {  // a dial from before the plan may count a bit later
    end(DrainState::kDone, now);
  } else if (seen.frozen) {
    set_state(DrainState::kFrozen, now);
  } else {
    set_state(seen.others_eligible ? DrainState::kRunning : DrainState::kWaiting, now);
    if (rebalances() && is_stuck(now)) {
      warnings_.push_back(std::to_string(active_) +
                          " sessions more would make it even, but those that are there cannot " +
                          "be moved, or were moved a short time ago");
      end(DrainState::kDone, now);
    } else if (now >= deadline_) {
      // Who was closed and lingers is on its way.
      end(active_ == leaving ? DrainState::kDone : DrainState::kExpired, now);
    } else {
      set_pace(now);
    }
  }
  return state_ != before;
}

// Sessions of a rebalance may turn out not to be movable at all.
bool DrainPlan::is_stuck(MonotonicTime now) {
  constexpr double kMilliseconds = 1'000;
  const Milliseconds patience =
      Milliseconds(5'000) + Milliseconds(static_cast<Milliseconds::rep>(2 * kMilliseconds / drain_->pace()));
  if (moved_by_then_ != moved() || drain_->told.load() > 0) {
    moved_by_then_ = moved();
    moved_at_ = now;
  }
  return now - moved_at_ >= patience;
}

// Nobody is left to move. A move of a rebalance that has begun belongs to it: none has begun since the look before,
// which found the backends even, and those from before have come to an end.
bool DrainPlan::is_over(const Progress& done) {
  return !rebalances() || (std::exchange(was_even_, true) && done.told == 0);
}

// A share of few would say little.
bool DrainPlan::fails() const {
  constexpr std::uint64_t kFewest = 10;
  const double most = drain_->order().stop_if_failing;
  const std::uint64_t all = drain_->handed_off.load();
  if (most <= 0 || all < kFewest) return false;
  return static_cast<double>(drain_->failed.load()) > most * static_cast<double>(all);
}

void DrainPlan::set_state(DrainState state, MonotonicTime now) {
  if (state == state_) return;
  if (state_ == DrainState::kFrozen) deadline_ += now - frozen_since_;
  if (state == DrainState::kFrozen) frozen_since_ = now;
  const bool was_held = state_ != DrainState::kRunning;
  state_ = state;
  if (state == DrainState::kRunning) {
    moved_at_ = now;
    drain_->go_on(now);
    drain_->set_last_turn(drain_->clock(deadline_ - (terms_.deadline - terms_.last_turn)));
  } else if (!was_held) {
    drain_->hold(now);
  }
}

void DrainPlan::set_pace(MonotonicTime now) {
  if (state_ != DrainState::kRunning || rebalances()) return;
  const auto clock = drain_->clock(now);
  const auto window = drain_->last_turn() - drain_->next_turn(clock);
  const double pace = effective_pace(wanted_pace_, untold(), std::max(window, least_window()));
  // The last ones must not be told ever more slowly.
  drain_->set_pace(window < least_window() ? std::max(pace, drain_->pace()) : pace);
}

void DrainPlan::end(DrainState state, MonotonicTime now) {
  state_ = state;
  ended_at_ = now;
  drain_->end();
}

void DrainPlan::cancel(MonotonicTime now, const std::string& reason) {
  if (ended()) return;
  warnings_.push_back(reason);
  end(DrainState::kCancelled, now);
}

std::vector<std::string> DrainPlan::warnings() const {
  auto all = warnings_;
  if (state_ == DrainState::kWaiting) {
    all.emplace_back("nobody else is eligible, so no session is moved until somebody is, or the deadline comes");
  }
  if (state_ == DrainState::kFrozen) all.emplace_back("frozen: POST /api/v1/unfreeze lets it go on");
  if (state_ == DrainState::kExpired) all.emplace_back("the deadline has come; the sessions that are left stay");
  return all;
}

DrainView DrainPlan::view(MonotonicTime now) const {
  DrainView view;
  view.id = terms_.id;
  view.cause = terms_.order.cause;
  view.pool = terms_.pool;
  for (const auto& backend : terms_.order.backends) view.backends.push_back(backend->name());
  view.whole_pool = terms_.whole_pool;
  view.state = state_;
  view.total = total_;
  for (std::size_t mode = 0; mode < kModes; ++mode) view.moved[mode] = drain_->moved[mode].load();
  view.forced = drain_->forced.load();
  view.failed = drain_->failed.load();
  view.left = rebalances() ? active_ : active_ - std::min(drain_->leaving.load(), active_);
  view.told = drain_->told.load();
  const std::uint64_t accounted = moved() + view.left;
  view.ended = total_ > accounted ? total_ - accounted : 0;
  view.pace = drain_->pace();
  if (!ended()) {
    const auto by_pace =
        Milliseconds(static_cast<Milliseconds::rep>(static_cast<double>(view.left) * 1'000 / view.pace));
    view.eta = active_ == 0 ? Milliseconds(0) : std::max(by_pace, drain_->last_due() - drain_->clock(now));
    const MonotonicTime stands_at = state_ == DrainState::kFrozen ? frozen_since_ : now;
    view.deadline = std::max(deadline_ - stands_at, Milliseconds(0));
  }
  view.warnings = warnings();
  return view;
}

}  // namespace drover::migration
