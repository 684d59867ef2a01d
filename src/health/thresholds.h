// What a run of looks makes of a backend: rise and fall. Pure.
#pragma once

#include <cstdint>

#include "balancer/backend_state.h"

namespace drover::health {

enum class Verdict : std::uint8_t { kGood, kBad };

class Thresholds {
 public:
  explicit Thresholds(balancer::ProbeState state) : state_(state), has_been_up_(state == balancer::ProbeState::kUp) {}

  // The state after one more look. The first one of all decides at once, and so does the first good one, whatever
  // `rise` says; after that it takes `fall` bad ones in a row to go down and `rise` good ones to come back.
  balancer::ProbeState note(Verdict verdict, unsigned rise, unsigned fall) {
    using enum balancer::ProbeState;
    const bool good = verdict == Verdict::kGood;
    const bool against = good ? state_ != kUp : state_ != kDown;
    in_a_row_ = against ? in_a_row_ + 1 : 0;
    const unsigned needed = good ? (has_been_up_ ? rise : 1) : (state_ == kChecking ? 1 : fall);
    if (!against || in_a_row_ < needed) return state_;
    state_ = good ? kUp : kDown;
    in_a_row_ = 0;
    has_been_up_ = has_been_up_ || good;
    return state_;
  }
  balancer::ProbeState state() const { return state_; }

 private:
  balancer::ProbeState state_;
  bool has_been_up_;
  unsigned in_a_row_ = 0;  // looks that speak against state_
};

}  // namespace drover::health
