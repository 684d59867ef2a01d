// How often which time was measured: log-linear buckets, 32 to each power of two of microseconds, so a quantile is at
// most a 32nd too high, in 5.6 KB that never grow. One thread adds, anybody may read meanwhile.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "base/counter.h"

namespace drover {

class Histogram {
 public:
  using Duration = std::chrono::microseconds;

  // What is negative counts as 0, and what is longer than the last bucket, 67 s, is in it.
  void add(Duration time) {
    const auto value = std::clamp<Duration::rep>(time.count(), 0, kLongest);
    buckets_[bucket_of(static_cast<std::uint64_t>(value))].add(1);
    sum_.add(static_cast<std::uint64_t>(value));
  }

  // How many took no longer than `time`; where that stands within a bucket, its whole bucket is counted.
  std::uint64_t count_up_to(Duration time) const {
    const std::size_t last =
        bucket_of(static_cast<std::uint64_t>(std::clamp<Duration::rep>(time.count(), 0, kLongest)));
    std::uint64_t total = 0;
    for (std::size_t i = 0; i <= last; ++i) total += buckets_[i].read();
    return total;
  }
  Duration sum() const { return Duration(sum_.read()); }

  // How many times were added.
  std::uint64_t count() const {
    std::uint64_t total = 0;
    for (const Counter& bucket : buckets_) total += bucket.read();
    return total;
  }

  // The longest time of the bucket that holds the nearest rank: at least the share `q` (0 to 1) of what was added took
  // no longer. 0 where nothing was added.
  Duration quantile(double q) const {
    // The ranks of one look at the buckets: they may grow during a second one.
    std::array<std::uint64_t, kBuckets> up_to;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) up_to[i] = total += buckets_[i].read();
    if (total == 0) return Duration(0);
    const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total)));
    const auto rank = std::clamp<std::uint64_t>(wanted, 1, total);
    return bound_of(static_cast<std::size_t>(std::ranges::lower_bound(up_to, rank) - up_to.begin()));
  }

 private:
  static constexpr unsigned kPartBits = 5;                // 2^5 buckets a power of two
  static constexpr std::size_t kParts = 1U << kPartBits;  // below this each microsecond has its own
  static constexpr unsigned kLimitBits = 26;              // 2^26 us are 67 s
  static constexpr std::size_t kBuckets = (kLimitBits - kPartBits + 1) * kParts;

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < kParts) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kPartBits;
    return shift * kParts + static_cast<std::size_t>(value >> shift);
  }
  // The longest time in that bucket.
  static constexpr Duration bound_of(std::size_t bucket) {
    if (bucket < kParts) return Duration(bucket);
    const auto shift = static_cast<unsigned>(bucket / kParts) - 1;
    return Duration(((std::uint64_t{bucket % kParts} + kParts + 1) << shift) - 1);
  }

  static constexpr Duration::rep kLongest = (std::int64_t{1} << kLimitBits) - 1;

  std::array<Counter, kBuckets> buckets_;
  Counter sum_;
};

}  // namespace drover
