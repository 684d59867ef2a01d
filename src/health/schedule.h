// When to look at a backend: at slots that are an interval apart, each backend's with a phase of its own, so that the
// looks at many are spread evenly; each look up to a twentieth of the interval before its slot. Pure.
#pragma once

#include <cmath>

#include "base/clock.h"

namespace drover::health {

class Schedule {
 public:
  static constexpr int kJitterPart = 20;

  // `phase`: 0 … 1, of the interval.
  Schedule(Milliseconds interval, double phase)
      : interval_(interval), first_slot_(std::chrono::duration_cast<Milliseconds>(interval * phase) - interval) {}

  // The next look, at most an interval and its jitter after `now`. `random`: 0 … 1.
  MonotonicTime after(MonotonicTime now, double random) const {
    const Milliseconds jitter = interval_ / kJitterPart;
    const Milliseconds since_first = now.time_since_epoch() + jitter - first_slot_;
    const MonotonicTime slot(first_slot_ + (since_first / interval_ + 1) * interval_);
    return slot - std::chrono::duration_cast<Milliseconds>(jitter * random);
  }

  // The phase of the n-th of any number: multiples of the golden ratio leave no two close and no gap wide, however many
  // there come to be (the three-gap theorem).
  static double phase_of(std::uint64_t n, double first) {
    constexpr double kGolden = 0.6180339887498949;
    double whole = 0;
    return std::modf(first + static_cast<double>(n) * kGolden, &whole);
  }

 private:
  Milliseconds interval_;
  Milliseconds first_slot_;  // not after 0, where the machine's time begins: the division rounds down
};

}  // namespace drover::health
