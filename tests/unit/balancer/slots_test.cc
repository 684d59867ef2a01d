// Slots: a pace that is kept, by one thread or several, and no burst after a pause.
#include "balancer/slots.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace drover::balancer {

using namespace std::chrono_literals;

namespace {

constexpr MonotonicTime kNow{1'000'000ms};

}  // namespace

TEST_CASE("the first slot is now, the others an interval apart") {
  Slots slots;
  for (int nth = 0; nth < 5; ++nth) CHECK(slots.take(kNow, 20, 10s) == kNow + nth * 50ms);
  CHECK(slots.next(kNow) == kNow + 250ms);
}

TEST_CASE("a pace that is no whole number of milliseconds is kept exactly") {
  Slots slots;
  MonotonicTime last;
  for (int nth = 0; nth <= 30'000; ++nth) last = slots.take(kNow, 3'000);
  CHECK(last - kNow >= 9'999ms);
  CHECK(last - kNow <= 10'000ms);
}

TEST_CASE("none beyond the horizon, and asking costs none") {
  Slots slots;
  CHECK(slots.take(kNow, 1, 1s) == kNow);
  CHECK(slots.take(kNow, 1, 1s) == kNow + 1s);
  for (int nth = 0; nth < 3; ++nth) CHECK(!slots.take(kNow, 1, 1s));
  CHECK(slots.take(kNow + 1s, 1, 1s) == kNow + 2s);
}

TEST_CASE("slots that nobody took are lost") {
  Slots slots;
  slots.take(kNow, 10);
  CHECK(slots.take(kNow + 1h, 10) == kNow + 1h);
  CHECK(slots.take(kNow + 1h, 10) == kNow + 1h + 100ms);
}

TEST_CASE("the interval is that of the pace at the time") {
  Slots slots;
  slots.take(kNow, 10);
  CHECK(slots.take(kNow, 100) == kNow + 100ms);
  CHECK(slots.take(kNow, 1) == kNow + 110ms);
  CHECK(slots.next(kNow) == kNow + 1'110ms);
}

TEST_CASE("threads together keep the pace, and no two have the same slot") {
  constexpr int kEach = 20'000;
  Slots slots;
  std::vector<std::vector<MonotonicTime>> taken(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : taken) {
      threads.emplace_back([&slots, &mine] {
        for (int nth = 0; nth < kEach; ++nth) mine.push_back(slots.take(kNow, 1'000));
      });
    }
  }
  std::vector<MonotonicTime> all;
  for (const auto& mine : taken) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
  CHECK(all.back() - all.front() == Milliseconds(4 * kEach - 1));
}

}  // namespace drover::balancer
