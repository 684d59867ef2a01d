// A value is in the first bucket whose bound it does not exceed.
#include "observe/buckets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>

#include "observe/pool_counters.h"

namespace drover::observe {

namespace {

constexpr std::array<std::uint64_t, 3> kBounds = {10, 100, 1000};

}  // namespace

TEST_CASE("buckets: a bound belongs to its bucket, and what is above the last has one of its own") {
  Buckets<kBounds> buckets;
  for (const unsigned value : {0U, 10U, 11U, 100U, 1000U, 1001U, 50'000U}) buckets.add(value);
  CHECK(Buckets<kBounds>::kSize == 4);
  CHECK(buckets.in_bucket(0) == 2);
  CHECK(buckets.in_bucket(1) == 2);
  CHECK(buckets.in_bucket(2) == 1);
  CHECK(buckets.in_bucket(3) == 2);
  CHECK(buckets.sum() == 10 + 11 + 100 + 1000 + 1001 + 50'000);
}

TEST_CASE("buckets: the bounds of upgrades and sessions increase") {
  CHECK(std::ranges::is_sorted(kWaitBounds, std::less_equal()));
  CHECK(std::ranges::is_sorted(kSessionBounds, std::less_equal()));
}

}  // namespace drover::observe
