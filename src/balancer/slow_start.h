// How much of its share a backend that has come back is given: 5 % at first, all of it after `slow_start`, and on a
// straight line in between. Written by the supervisor, read by any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace drover::balancer {

class SlowStart {
 public:
  static constexpr double kLeast = 0.05;

  // `length` 0: there is none.
  void begin(MonotonicTime now, Milliseconds length) {
    length_.store(length.count(), std::memory_order_relaxed);
    begun_.store(now.time_since_epoch().count(), std::memory_order_release);
  }
  // 0.05 … 1.
  double ramp(MonotonicTime now) const {
    const auto begun = begun_.load(std::memory_order_acquire);
    const auto length = length_.load(std::memory_order_relaxed);
    const auto elapsed = now.time_since_epoch().count() - begun;
    if (length == 0 || elapsed >= length) return 1.0;
    const double share = static_cast<double>(std::max<std::int64_t>(elapsed, 0)) / static_cast<double>(length);
    return kLeast + (1.0 - kLeast) * share;
  }

 private:
  std::atomic<std::int64_t> begun_{0};   // milliseconds of MonotonicTime
  std::atomic<std::int64_t> length_{0};  // milliseconds; 0: not starting
};

}  // namespace drover::balancer
