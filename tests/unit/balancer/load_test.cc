// Readings and their age, what a report sets, and the average of round trips.
#include "balancer/load.h"

#include <doctest/doctest.h>

#include "backends.h"

namespace drover::balancer {

using std::chrono::microseconds;

TEST_CASE("a reading is none until somebody has said") {
  const Reading reading;
  CHECK(!reading.last());
  CHECK(!reading.fresh(kNow, Milliseconds(0)));
}

TEST_CASE("a reading is fresh up to stale_after, its last millisecond included") {
  Reading reading;
  reading.set(0.5, kNow);
  CHECK(reading.fresh(kNow, Milliseconds(100)) == 0.5);
  CHECK(reading.fresh(kNow + Milliseconds(100), Milliseconds(100)) == 0.5);
  CHECK(!reading.fresh(kNow + Milliseconds(101), Milliseconds(100)));
  CHECK(reading.fresh(kNow + std::chrono::hours(1000), Milliseconds(0)) == 0.5);  // 0: never stale
  CHECK(reading.last()->value == 0.5);
  CHECK(reading.last()->at == kNow);
}

TEST_CASE("a reading at the beginning of time is one") {
  Reading reading;
  reading.set(0, MonotonicTime{});
  CHECK(reading.fresh(MonotonicTime{}, Milliseconds(1)) == 0.0);
}

TEST_CASE("a report sets what it has and leaves the rest") {
  Load load;
  load.apply({.cpu = 0.4,
              .memory = {},
              .connections = 12,
              .message_rate = {},
              .response_time_ms = 3.5,
              .ignored = 0,
              .look_like_percent = {}},
             kNow);
  CHECK(load.cpu.last()->value == 0.4);
  CHECK(load.cpu.last()->at == kNow);
  CHECK(!load.memory.last());
  CHECK(load.connections.last()->value == 12);
  CHECK(!load.message_rate.last());
  CHECK(load.response_time.last()->value == 3.5);
  CHECK(!load.own_message_rate.last());
  CHECK(!load.latency.reading().last());

  LoadReport second;
  second.memory = 0.7;
  second.message_rate = 250;
  load.apply(second, kNow + Milliseconds(5));
  CHECK(load.cpu.last()->at == kNow);
  CHECK(load.memory.last()->value == 0.7);
  CHECK(load.memory.last()->at == kNow + Milliseconds(5));
  CHECK(load.message_rate.last()->value == 250);
  CHECK(!load.own_message_rate.last());
}

TEST_CASE("a report's fractions count as 1 at most; what is no fraction does not") {
  Load load;
  LoadReport report;
  report.cpu = 1.4;
  report.memory = 2;
  report.connections = 4000;
  report.message_rate = 1e9;
  report.response_time_ms = 5000;
  load.apply(report, kNow);
  CHECK(load.cpu.last()->value == 1);
  CHECK(load.memory.last()->value == 1);
  CHECK(load.connections.last()->value == 4000);
  CHECK(load.message_rate.last()->value == 1e9);
  CHECK(load.response_time.last()->value == 5000);
}

TEST_CASE("ignored values are counted over all reports") {
  Load load;
  LoadReport report;
  report.ignored = 2;
  load.apply(report, kNow);
  report.ignored = 3;
  load.apply(report, kNow);
  load.apply({}, kNow);
  CHECK(load.ignored == 5);
}

TEST_CASE("latency: the first sample stands, each later one counts a fifth") {
  Latency latency;
  const auto value = [&] { return latency.reading().last()->value; };
  latency.add(microseconds(10'000), kNow);
  CHECK(value() == doctest::Approx(10));
  latency.add(microseconds(20'000), kNow + Milliseconds(50));
  CHECK(value() == doctest::Approx(12));  // 10 + 0.2 · (20 − 10)
  latency.add(microseconds(2'000), kNow + Milliseconds(60'050));
  CHECK(value() == doctest::Approx(10));  // 12 + 0.2 · (2 − 12)
  CHECK(latency.reading().last()->at == kNow + Milliseconds(60'050));
}

TEST_CASE("latency: after a minute without a sample it begins anew") {
  Latency latency;
  latency.add(microseconds(10'000), kNow);
  latency.add(microseconds(500), kNow + Milliseconds(60'001));
  CHECK(latency.reading().last()->value == doctest::Approx(0.5));
}

TEST_CASE("latency: how long a connection took counts only while there is nothing better") {
  Latency latency;
  const auto value = [&] { return latency.reading().last()->value; };
  latency.add_connect(microseconds(1'000), kNow);
  latency.add_connect(microseconds(2'000), kNow);
  CHECK(value() == doctest::Approx(1.2));  // 1 + 0.2 · (2 − 1)
  latency.add(microseconds(50'000), kNow);
  CHECK(value() == doctest::Approx(50));  // the first true one stands alone
  latency.add_connect(microseconds(1'000), kNow + Milliseconds(60'000));
  CHECK(value() == doctest::Approx(50));
  latency.add_connect(microseconds(1'000), kNow + Milliseconds(60'001));
  CHECK(value() == doctest::Approx(1));
}

}  // namespace drover::balancer
