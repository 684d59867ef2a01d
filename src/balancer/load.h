// How busy a backend is, as last told or measured: numbers with their age, which any thread may read and write.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "balancer/load_report.h"
#include "base/clock.h"

namespace drover::balancer {

// A number and when it came. Writers that race leave one of their numbers, never an old number with a new time.
class Reading {
 public:
  struct Value {
    double value;
    MonotonicTime at;
  };
  void set(double value, MonotonicTime at) {
    value_.store(value, std::memory_order_relaxed);
    at_.store(at.time_since_epoch().count(), std::memory_order_release);
  }
  // None: nobody has ever said.
  std::optional<Value> last() const {
    const auto at = at_.load(std::memory_order_acquire);
    if (at == kNever) return std::nullopt;
    return Value{value_.load(std::memory_order_relaxed), MonotonicTime(Milliseconds(at))};
  }
  // None where it is older than `stale_after` too (0: never stale).
  std::optional<double> fresh(MonotonicTime now, Milliseconds stale_after) const {
    const auto known = last();
    if (!known || (stale_after.count() > 0 && now - known->at > stale_after)) return std::nullopt;
    return known->value;
  }

 private:
  static constexpr std::int64_t kNever = INT64_MIN;
  std::atomic<double> value_{0};
  std::atomic<std::int64_t> at_{kNever};
};

// Round trips through a backend: answers to upgrades and probes, and pongs. Exponentially weighted: each sample counts
// a fifth. Milliseconds.
class Latency {
 public:
  static constexpr double kShareOfSample = 0.2;
  // Without a sample for longer than this, what was is no part of what is.
  static constexpr Milliseconds kForgetAfter{60'000};

  void add(std::chrono::microseconds sample, MonotonicTime now) {
    const bool first = !measured_.fresh(now, kForgetAfter);
    measured_.set(0, now);
    take(sample, now, first ? std::nullopt : reading_.fresh(now, kForgetAfter));
  }
  // How long a connection took: its kernel answers that, not the backend's program. It counts only while there is
  // nothing better.
  void add_connect(std::chrono::microseconds sample, MonotonicTime now) {
    if (!measured_.fresh(now, kForgetAfter)) take(sample, now, reading_.fresh(now, kForgetAfter));
  }
  const Reading& reading() const { return reading_; }

 private:
  void take(std::chrono::microseconds sample, MonotonicTime now, std::optional<double> before) {
    const double ms = std::chrono::duration<double, std::milli>(sample).count();
    reading_.set(before ? *before + kShareOfSample * (ms - *before) : ms, now);
  }

  Reading reading_;
  Reading measured_;  // when add() was called last; its value has no meaning
};

struct Load {
  Reading cpu, memory;       // fractions, 0 … 1
  Reading connections;       // as reported; for the eye only, Drover counts its own
  Reading message_rate;      // as reported, a second
  Reading response_time;     // as reported, milliseconds; for the eye only
  Reading own_message_rate;  // as Drover carries them, both ways, a second
  Latency latency;
  std::atomic<std::uint64_t> ignored{0};  // values of reports that were left out

  // Takes over what the report has.
  void apply(const LoadReport& report, MonotonicTime now);
};

}  // namespace drover::balancer
