// How many messages passed in one direction, and how large they were. One thread adds, anybody may read meanwhile.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"

namespace drover {

class MessageTally {
 public:
  enum class Kind : std::uint8_t { kText, kBinary };
  // Bucket b holds the sizes above 2^b up to 2^(b+1), the first all up to 2.
  static constexpr std::size_t kBuckets = 64;

  // `size`: bytes of payload over all fragments, as they stand on the wire. On the data path: two plain additions.
  void add(Kind kind, std::uint64_t size) {
    counts_[static_cast<std::size_t>(kind) * kBuckets + bucket_of(size)].add(1);
    bytes_.add(size);
  }

  std::uint64_t messages(Kind kind) const {
    std::uint64_t total = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) total += in_bucket(kind, bucket);
    return total;
  }
  std::uint64_t in_bucket(Kind kind, std::size_t bucket) const {
    return counts_[static_cast<std::size_t>(kind) * kBuckets + bucket].read();
  }
  std::uint64_t payload_bytes() const { return bytes_.read(); }

  // The largest size in that bucket; all but the last have one that fits.
  static constexpr std::uint64_t largest_in(std::size_t bucket) { return std::uint64_t{2} << bucket; }
  static constexpr std::size_t bucket_of(std::uint64_t size) {
    // With a bit set the compiler need not ask for 0.
    const std::uint64_t below = (size - (size != 0 ? 1U : 0U)) | 1U;
    return static_cast<std::size_t>(std::bit_width(below)) - 1;
  }

 private:
  std::array<Counter, 2 * kBuckets> counts_;
  Counter bytes_;
};

}  // namespace drover
