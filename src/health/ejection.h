// How long a backend is ejected for: base_time, and twice as long each time that it fails again soon. Pure.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"

namespace drover::health {

class Ejections {
 public:
  static constexpr unsigned kMostDoublings = 5;  // 32 times base_time
  // As durations in the configuration; the timer wheel counts six years.
  static constexpr Milliseconds kLongest = std::chrono::days(365);

  // The length of an ejection that begins now. For every base_time that it went well since the last one, one doubling
  // is forgiven.
  Milliseconds begin(MonotonicTime now, Milliseconds base_time) {
    if (ended_) {
      const auto forgiven = (now - *ended_) / base_time;
      doublings_ -= static_cast<unsigned>(std::min<std::int64_t>(forgiven, doublings_));
    }
    const Milliseconds length = std::min(base_time * (1U << doublings_), kLongest);
    doublings_ = std::min(doublings_ + 1, kMostDoublings);
    return length;
  }
  void end(MonotonicTime now) { ended_ = now; }

 private:
  unsigned doublings_ = 0;  // of the next
  std::optional<MonotonicTime> ended_;
};

}  // namespace drover::health
