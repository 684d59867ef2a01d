// Slots by hand, and how evenly many backends' looks fall.
#include "health/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace drover::health {

namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("slots are an interval apart, and a look comes up to a twentieth of it early") {
  // 10 s, phase 0.3: slots at 3, 13, 23 … s; jitter up to 500 ms.
  const Schedule schedule(10s, 0.3);
  CHECK(schedule.after(MonotonicTime(100s), 0) == MonotonicTime(103s));
  CHECK(schedule.after(MonotonicTime(100s), 1) == MonotonicTime(102'500ms));
  CHECK(schedule.after(MonotonicTime(102'499ms), 1) == MonotonicTime(102'500ms));
  // From the earliest moment of a slot on it is that slot's look which is over.
  CHECK(schedule.after(MonotonicTime(102'500ms), 1) == MonotonicTime(112'500ms));
  CHECK(schedule.after(MonotonicTime(103s), 0) == MonotonicTime(113s));
}

TEST_CASE("on a machine that has just started, too, the next look is at most an interval and its jitter away") {
  for (const double phase : {0.0, 0.3, 0.77, 0.99}) {
    const Schedule schedule(1h, phase);
    for (const auto now : {MonotonicTime(0s), MonotonicTime(1s), MonotonicTime(10min), MonotonicTime(59min)}) {
      for (const double random : {0.0, 1.0}) {
        const auto next = schedule.after(now, random);
        CHECK(next > now);
        CHECK(next - now <= 63min);
      }
    }
  }
}

TEST_CASE("two looks are never further apart than an interval and its jitter, nor closer than the jitter leaves") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> share(0, 1);
  const Schedule schedule(1s, 0.77);
  MonotonicTime now(5h);
  now = schedule.after(now, share(random));
  for (int i = 0; i < 10'000; ++i) {
    const auto next = schedule.after(now, share(random));
    REQUIRE(next - now <= 1'050ms);
    REQUIRE(next - now >= 950ms);
    now = next;
  }
}

TEST_CASE("however many backends there are, their looks are spread evenly over the interval") {
  for (const std::size_t count : {10U, 50U, 200U, 1000U}) {
    std::vector<double> phases;
    for (std::size_t n = 0; n < count; ++n) phases.push_back(Schedule::phase_of(n, 0.123));
    std::ranges::sort(phases);
    double widest = 1 + phases.front() - phases.back();
    for (std::size_t n = 1; n < count; ++n) widest = std::max(widest, phases[n] - phases[n - 1]);
    // The three-gap theorem: gaps are of three sizes at most, the widest within φ² = 2.62 of the even one.
    CHECK(widest * static_cast<double>(count) < 2.62);
  }
}

TEST_CASE("in no tenth of an interval are there many more looks than in another") {
  std::mt19937 random(4);
  std::uniform_real_distribution<double> share(0, 1);
  constexpr int kBackends = 200;
  std::array<int, 10> tenths{};
  for (int n = 0; n < kBackends; ++n) {
    const Schedule schedule(5s, Schedule::phase_of(static_cast<std::uint64_t>(n), 0.9));
    MonotonicTime now(1h);
    for (int round = 0; round < 100; ++round) {
      now = schedule.after(now, share(random));
      ++tenths[static_cast<std::size_t>(now.time_since_epoch() % 5s / 500ms)];
    }
  }
  const auto [least, most] = std::ranges::minmax(tenths);
  // 200 backends, 100 rounds, tenths of an interval: 2,000 on average.
  CHECK(least > 1'800);
  CHECK(most < 2'200);
}

}  // namespace drover::health
