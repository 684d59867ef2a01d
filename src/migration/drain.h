// A drain plan as the threads share it: what it wants is written by the supervisor, what it has come to by the workers
// that carry it out (proxy/drain_run.h). Everything that changes is an atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balancer/backend.h"
#include "balancer/slots.h"
#include "base/clock.h"
#include "config/config.h"
#include "migration/drain_view.h"
#include "migration/quotas.h"

namespace drover::migration {

class Drain {
 public:
  struct Order {
    Cause cause = Cause::kOperator;
    std::vector<std::shared_ptr<balancer::Backend>> backends;  // empty: all sessions
    Mode first_mode = Mode::kHandoff;
    // Whom a pool lets be notified; kOptIn for those that are not here.
    std::map<std::string, config::Notify, std::less<>> notify{};
    std::string endpoint{};      // that of the pool's `migration`
    Milliseconds grace{0};       // from a notified session's turn to its Close
    MonotonicTime last_turn;     // nobody is notified whose turn is later, but closed at once
    double pace = 1;             // sessions a second, above 0
    double stop_if_failing = 0;  // the plan halts where more of its handoffs come to nothing; a share; 0: never
    // Of a rebalance: the backends above give to these, stay open, and nobody is closed.
    std::vector<std::shared_ptr<balancer::Backend>> targets{};
    Milliseconds cooldown{0};  // who was moved a shorter time ago is left out
    bool to_owners = false;    // a session goes to the owner of its key, or stays
  };
  explicit Drain(Order order) : order_(std::move(order)), pace_(order_.pace), last_turn_(order_.last_turn) {
    if (rebalances()) quotas_ = std::make_unique<Quotas>(order_.backends, order_.targets);
  }

  const Order& order() const { return order_; }
  bool covers_all() const { return order_.backends.empty(); }
  bool rebalances() const { return order_.cause == Cause::kRebalance; }
  // Of a rebalance.
  Quotas& quotas() const { return *quotas_; }
  config::Notify notify_in(std::string_view pool) const {
    const auto found = order_.notify.find(pool);
    return found == order_.notify.end() ? config::Notify::kOptIn : found->second;
  }

  // --- The supervisor's.
  void set_pace(double pace) { pace_.store(pace, std::memory_order_relaxed); }
  // While it is held nothing is told and nothing closed, and its clock stands still.
  void hold(MonotonicTime now) {
    held_since_ = now;
    held_.store(true, std::memory_order_release);
  }
  void go_on(MonotonicTime now) {
    held_for_.fetch_add((now - held_since_).count(), std::memory_order_relaxed);
    held_.store(false, std::memory_order_release);
  }
  void set_last_turn(MonotonicTime by_its_clock) { last_turn_.store(by_its_clock, std::memory_order_relaxed); }
  // Its workers let go of it. Sessions that were told to reconnect, and have not, stay.
  void end() { over_.store(true, std::memory_order_relaxed); }

  // --- Any thread.
  bool held() const { return held_.load(std::memory_order_acquire); }
  bool over() const { return over_.load(std::memory_order_relaxed); }
  double pace() const { return pace_.load(std::memory_order_relaxed); }
  // What time it is for the plan.
  MonotonicTime clock(MonotonicTime now) const { return now - Milliseconds(held_for_.load(std::memory_order_relaxed)); }
  // The turn of one more session, by its clock: at most kAhead from now. None: not yet.
  std::optional<MonotonicTime> take_turn(MonotonicTime clock) { return slots_.take(clock, pace(), kAhead); }
  MonotonicTime next_turn(MonotonicTime clock) const { return slots_.next(clock); }
  MonotonicTime last_turn() const { return last_turn_.load(std::memory_order_relaxed); }
  // So long before its turn a session is told: turns are exact then, whatever the ticks of the workers are.
  static constexpr Milliseconds kAhead{1'000};

  // --- The workers'. Sessions that have been told and not closed, those that have been closed and not ended, and what
  // has become of them.
  std::atomic<std::uint64_t> told{0}, leaving{0};
  std::atomic<std::uint64_t> moved[kModes] = {};
  std::atomic<std::uint64_t> forced{0};
  std::atomic<std::uint64_t> handed_off{0}, failed{0};  // handoffs that have ended, and those of them in failure
  // The latest of the moments, by its clock, at which one that was told is closed.
  void note_due(MonotonicTime due) {
    auto last = last_due_.load(std::memory_order_relaxed);
    while (due > last && !last_due_.compare_exchange_weak(last, due, std::memory_order_relaxed)) {
    }
  }
  MonotonicTime last_due() const { return last_due_.load(std::memory_order_relaxed); }

 private:
  const Order order_;
  std::unique_ptr<Quotas> quotas_;  // null: it is no rebalance
  balancer::Slots slots_;
  std::atomic<double> pace_;
  std::atomic<MonotonicTime> last_turn_;
  std::atomic<MonotonicTime> last_due_{MonotonicTime{}};
  std::atomic<bool> held_{false};
  std::atomic<bool> over_{false};
  std::atomic<Milliseconds::rep> held_for_{0};
  MonotonicTime held_since_{};
};

}  // namespace drover::migration
