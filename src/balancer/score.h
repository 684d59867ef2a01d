// The health score, DESIGN section 5: lower is better. Two passes over the backends that are compared, since some terms
// are measured by the pool: add() each, then ask for any. No allocation. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "balancer/backend.h"
#include "base/clock.h"
#include "config/config.h"

namespace drover::balancer {

// In the order of the formula.
inline constexpr std::size_t kTerms = 5;
inline constexpr std::array<std::string_view, kTerms> kTermNames = {"connections", "cpu", "memory", "latency",
                                                                    "message_rate"};

struct Score {
  double total = 0;  // 0 … the sum of the configured weights
  // What each term adds to the total; none: nobody in the pool has that term, or its weight is 0.
  std::array<std::optional<double>, kTerms> parts;
};

//   score = 0.30 · connections + 0.25 · cpu + 0.25 · memory + 0.20 · latency (+ 0 · message_rate)
//
// connections   (active + 1) / (max_connections · ramp) where every backend has that limit, else
//               (active + 1) / (weight · ramp), over the largest such value
// cpu, memory   as reported
// latency       the EWMA of round trips over latency_reference
// message_rate  as reported, else as Drover carries them, over the largest
//
// Each is clamped to 0 … 1. What a backend has not told, or not since stale_after, counts as the mean of those that
// have; a term that nobody has is left out, and the other weights grow to make up for it.
class Scoring {
 public:
  Scoring(const config::Score& settings, MonotonicTime now) : settings_(settings), now_(now) {}

  void add(const Backend& backend);
  // Of a backend that has been added.
  Score of(const Backend& backend) const;

 private:
  using Terms = std::array<std::optional<double>, kTerms>;

  // Everything but connections and message_rate, which are measured by the largest, is clamped.
  Terms raw_terms(const Backend& backend) const;
  double connections(const Backend& backend) const;
  std::optional<double> fresh(const Reading& reading) const;

  const config::Score& settings_;
  const MonotonicTime now_;
  bool all_limited_ = true;
  double largest_per_weight_ = 0;
  double largest_rate_ = 0;
  std::array<double, kTerms> sums_{};  // of raw terms, over those that have them
  std::array<std::size_t, kTerms> known_{};
};

}  // namespace drover::balancer
