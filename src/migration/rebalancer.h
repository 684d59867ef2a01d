// How evenly a pool's sessions lie on its backends, and who should give how many of them to whom (DESIGN section 7,
// Rebalancing). Arithmetic alone. Any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "balancer/pool.h"
#include "base/clock.h"

namespace drover::migration {

// A backend that counts: one that is eligible, or would be if it were not full.
struct Share {
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t active = 0;
  std::uint64_t weight = 1;         // above 0
  std::uint64_t room = kUnlimited;  // how many more it may have
};

// What there is to do about it.
struct Balance {
  struct Part {
    std::uint64_t gives = 0;  // sessions more than its goal; only where it is above the mean
    std::uint64_t takes = 0;  // sessions less than its goal; only where it is below the mean
    std::uint64_t goal = 0;
  };
  std::vector<Part> parts;  // in the order of the shares
  double spread = 0;        // (largest - smallest) / largest of active/weight; the smallest of those with room
  std::uint64_t left = 0;   // sessions to move until everybody has its goal
  // Each backend is within 5 % of the mean (or of what it has room for), or no move would make the difference smaller.
  bool even = true;

  // A rebalance that does not go on begins above the threshold; one that does ends where it is even.
  bool calls_for_moves(double threshold) const { return !even && spread > threshold; }
};

// Goals are whole sessions that add up to those that there are. Each move from who gives to who takes makes the larger
// of their two loads smaller; where none would, nobody gives.
Balance balance_of(std::span<const Share> shares);

// The backends of a pool that count, and what there is to do: none while their health is not known, or ignored. The
// policy consistent_hash goes by weights as they are configured, all others by the effective ones.
struct PoolBalance {
  std::vector<std::shared_ptr<balancer::Backend>> backends;
  Balance balance;  // its parts in their order
};
PoolBalance balance_of(const balancer::Pool& pool, MonotonicTime now);

}  // namespace drover::migration
