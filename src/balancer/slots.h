// Moments handed out one after the other, so that threads together keep a pace. Slots, not random draws: those exceed
// the pace by a fifth in most seconds. What is not taken in its time is lost, so there are no bursts to catch up. Any
// thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace drover::balancer {

class Slots {
 public:
  // The next one, at `now` or later; the one after it is 1 / `pace` seconds (above 0) behind it. None: it would be
  // later than now + `horizon`.
  std::optional<MonotonicTime> take(MonotonicTime now, double pace, Milliseconds horizon) {
    const std::int64_t from = nanoseconds(now);
    const std::int64_t last = nanoseconds(now + horizon);
    constexpr double kNanoseconds = 1e9;
    const auto interval = static_cast<std::int64_t>(kNanoseconds / pace);
    std::int64_t next = next_.load(std::memory_order_relaxed);
    for (;;) {
      const std::int64_t slot = std::max(next, from);
      if (slot > last) return std::nullopt;
      if (next_.compare_exchange_weak(next, slot + interval, std::memory_order_relaxed)) return time(slot);
    }
  }
  // As take(), however late it is.
  MonotonicTime take(MonotonicTime now, double pace) { return *take(now, pace, kNever); }
  // When the next one is, at the earliest.
  MonotonicTime next(MonotonicTime now) const { return std::max(now, time(next_.load(std::memory_order_relaxed))); }

 private:
  static constexpr Milliseconds kNever = std::chrono::years(50);
  static std::int64_t nanoseconds(MonotonicTime time) {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
  }
  static MonotonicTime time(std::int64_t nanoseconds) {
    return MonotonicTime(std::chrono::duration_cast<Milliseconds>(std::chrono::nanoseconds(nanoseconds)));
  }

  std::atomic<std::int64_t> next_{0};
};

}  // namespace drover::balancer
