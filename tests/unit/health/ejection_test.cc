// How long ejections last, by hand; the base time is 30 s.
#include "health/ejection.h"

#include <doctest/doctest.h>

namespace drover::health {

namespace {

using namespace std::chrono_literals;

constexpr Milliseconds kBase = 30s;

// An ejection at `at` and its end; its length in seconds.
std::int64_t eject(Ejections& ejections, MonotonicTime at) {
  const auto length = ejections.begin(at, kBase);
  ejections.end(at + length);
  return std::chrono::duration_cast<std::chrono::seconds>(length).count();
}

}  // namespace

TEST_CASE("it doubles each time that the backend fails again at once, up to 32 times") {
  Ejections ejections;
  MonotonicTime now(1h);
  for (const int expected : {30, 60, 120, 240, 480, 960, 960, 960}) {
    const auto length = ejections.begin(now, kBase);
    CHECK(length == std::chrono::seconds(expected));
    now += length;
    ejections.end(now);
  }
}

TEST_CASE("a year is the longest, whatever the base time: it is what the timer wheel can count") {
  Ejections ejections;
  MonotonicTime now(1h);
  for (const int expected : {200, 365, 365, 365}) {
    const auto length = ejections.begin(now, std::chrono::days(200));
    CHECK(length == std::chrono::days(expected));
    now += length;
    ejections.end(now);
  }
}

TEST_CASE("every base time that went well forgives one doubling") {
  Ejections ejections;
  MonotonicTime now(1h);
  CHECK(eject(ejections, now) == 30);
  CHECK(eject(ejections, now + 30s) == 60);
  CHECK(eject(ejections, now + 90s) == 120);   // ends at 210 s
  CHECK(eject(ejections, now + 239s) == 240);  // 29 s later: nothing forgiven; ends at 479 s
  // 61 s later: of the four doublings that are due two are forgiven, 30 s · 2² = 120 s; ends at 660 s.
  CHECK(eject(ejections, now + 540s) == 120);
  // An hour later all is forgiven.
  CHECK(eject(ejections, now + 660s + 1h) == 30);
}

}  // namespace drover::health
