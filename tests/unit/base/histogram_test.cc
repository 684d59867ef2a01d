// Quantiles are the bounds of log-linear buckets: exact where times are short, a 32nd too high at most elsewhere.
#include "base/histogram.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace drover {

namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

// Where one time alone is counted.
microseconds bound_of(microseconds time) {
  Histogram histogram;
  histogram.add(time);
  return histogram.quantile(1);
}

}  // namespace

TEST_CASE("nothing has no quantile but 0") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.quantile(0.99) == microseconds(0));
}

TEST_CASE("up to 64 us every microsecond has a bucket") {
  for (int time = 0; time < 64; ++time) CHECK(bound_of(microseconds(time)) == microseconds(time));
}

TEST_CASE("32 buckets a power of two") {
  CHECK(bound_of(microseconds(64)) == microseconds(65));
  CHECK(bound_of(microseconds(65)) == microseconds(65));
  CHECK(bound_of(microseconds(66)) == microseconds(67));
  CHECK(bound_of(microseconds(1023)) == microseconds(1023));
  CHECK(bound_of(microseconds(1024)) == microseconds(1055));
  CHECK(bound_of(microseconds(1056)) == microseconds(1087));
}

TEST_CASE("a bound is never below the time, and a 32nd above at most") {
  for (std::int64_t time = 1; time < microseconds(minutes(1)).count(); time += 1 + time / 100) {
    const auto bound = bound_of(microseconds(time)).count();
    REQUIRE(bound >= time);
    REQUIRE(bound <= time + time / 32);
  }
}

TEST_CASE("what lies outside is at the ends") {
  CHECK(bound_of(microseconds(-5)) == microseconds(0));
  CHECK(bound_of(minutes(1)) >= minutes(1));
  CHECK(bound_of(microseconds::max()) == bound_of(microseconds((1 << 26) - 1)));
}

TEST_CASE("a quantile is that of the nearest rank") {
  Histogram histogram;
  for (int i = 0; i < 98; ++i) histogram.add(microseconds(5));
  histogram.add(microseconds(1000));
  histogram.add(microseconds(3000));
  CHECK(histogram.count() == 100);
  CHECK(histogram.quantile(0) == microseconds(5));
  CHECK(histogram.quantile(0.5) == microseconds(5));
  CHECK(histogram.quantile(0.98) == microseconds(5));
  CHECK(histogram.quantile(0.99) == microseconds(1007));
  CHECK(histogram.quantile(0.999) == microseconds(3007));
  CHECK(histogram.quantile(1) == microseconds(3007));
}

TEST_CASE("how many took no longer than a time, by whole buckets") {
  Histogram histogram;
  CHECK(histogram.count_up_to(minutes(2)) == 0);
  for (const int time : {0, 10, 63, 64, 1000}) histogram.add(microseconds(time));
  histogram.add(minutes(5));
  CHECK(histogram.count_up_to(microseconds(-1)) == 1);
  CHECK(histogram.count_up_to(microseconds(9)) == 1);
  CHECK(histogram.count_up_to(microseconds(10)) == 2);
  CHECK(histogram.count_up_to(microseconds(63)) == 3);
  CHECK(histogram.count_up_to(microseconds(991)) == 4);
  CHECK(histogram.count_up_to(microseconds(992)) == 5);  // 992 to 1007 are one bucket
  CHECK(histogram.count_up_to(microseconds(1000)) == 5);
  CHECK(histogram.count_up_to(minutes(1)) == 5);
  CHECK(histogram.count_up_to(minutes(2)) == 6);  // longer than the last bucket is in it
}

TEST_CASE("the sum is exact, but for what lies outside") {
  Histogram histogram;
  CHECK(histogram.sum() == microseconds(0));
  histogram.add(microseconds(1001));
  histogram.add(microseconds(3));
  histogram.add(microseconds(-7));
  CHECK(histogram.sum() == microseconds(1004));
  histogram.add(minutes(5));
  CHECK(histogram.sum() == microseconds(1004 + (1 << 26) - 1));
}

TEST_CASE("another thread may read while one adds") {
  constexpr std::uint64_t kTimes = 100'000;
  Histogram histogram;
  std::atomic<bool> begun = false;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kTimes; ++i) {
      histogram.add(microseconds(100));
      begun = true;
    }
  });
  while (!begun) std::this_thread::yield();
  for (std::uint64_t before = 0; before < kTimes;) {
    const auto now = histogram.count();
    CHECK(now >= before);
    CHECK(histogram.quantile(0.99) == microseconds(101));
    before = now;
  }
  writer.join();
}

}  // namespace drover
