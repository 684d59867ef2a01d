// The line from 5 % to all of it.
#include "balancer/slow_start.h"

#include <doctest/doctest.h>

#include "backends.h"

namespace drover::balancer {

TEST_CASE("slow start: who has not begun one has all of its share") {
  const SlowStart slow_start;
  CHECK(slow_start.ramp(MonotonicTime{}) == 1.0);
  CHECK(slow_start.ramp(kNow) == 1.0);
}

TEST_CASE("slow start: a straight line from 0.05 to 1") {
  SlowStart slow_start;
  slow_start.begin(kNow, Milliseconds(10'000));
  const auto at = [&](int ms) { return slow_start.ramp(kNow + Milliseconds(ms)); };
  CHECK(at(0) == doctest::Approx(0.05));
  CHECK(at(1'000) == doctest::Approx(0.145));  // 0.05 + 0.95 · 0.1
  CHECK(at(5'000) == doctest::Approx(0.525));  // 0.05 + 0.95 · 0.5
  CHECK(at(9'999) == doctest::Approx(0.999905));
  CHECK(at(9'999) < 1.0);
  CHECK(at(10'000) == 1.0);
  CHECK(at(1'000'000) == 1.0);
  CHECK(at(-1) == doctest::Approx(0.05));  // a worker's clock is cached a turn
}

TEST_CASE("slow start: it can begin again, and 0 is none") {
  SlowStart slow_start;
  slow_start.begin(kNow, Milliseconds(100));
  slow_start.begin(kNow + Milliseconds(1'000), Milliseconds(200));
  CHECK(slow_start.ramp(kNow + Milliseconds(1'100)) == doctest::Approx(0.525));
  slow_start.begin(kNow + Milliseconds(1'100), Milliseconds(0));
  CHECK(slow_start.ramp(kNow + Milliseconds(1'100)) == 1.0);
}

}  // namespace drover::balancer
