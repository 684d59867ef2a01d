// A histogram with bounds for people: how many values were at most each of them, and their sum. Not for the data path.
// One thread adds, anybody may read meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"

namespace drover::observe {

// `Bounds`: a std::array of increasing upper bounds, in the unit of what is added.
template <const auto& Bounds>
class Buckets {
 public:
  static constexpr std::size_t kSize = Bounds.size() + 1;  // the last is for all that is larger

  void add(std::uint64_t value) {
    std::size_t bucket = 0;
    while (bucket < Bounds.size() && value > Bounds[bucket]) ++bucket;
    counts_[bucket].add(1);
    sum_.add(value);
  }
  std::uint64_t in_bucket(std::size_t bucket) const { return counts_[bucket].read(); }
  std::uint64_t sum() const { return sum_.read(); }

 private:
  std::array<Counter, kSize> counts_;
  Counter sum_;
};

}  // namespace drover::observe
