#include "bench/load/measurement.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "bench/load/message_shape.h"

namespace drover::bench {

TEST_CASE("a quantile is the nearest rank") {
  // Of 1…200: rank ⌈0.5 · 200⌉ = 100, ⌈0.99 · 200⌉ = 198, ⌈0.999 · 200⌉ = ⌈199.8⌉ = 200.
  std::vector<std::uint64_t> sorted;
  for (std::uint64_t value = 1; value <= 200; ++value) sorted.push_back(value);
  CHECK(quantile_of(sorted, 0.5) == 100);
  CHECK(quantile_of(sorted, 0.99) == 198);
  CHECK(quantile_of(sorted, 0.999) == 200);
  CHECK(quantile_of(sorted, 0) == 1);
  CHECK(quantile_of(sorted, 1) == 200);
  CHECK(quantile_of({7}, 0.5) == 7);
  CHECK(quantile_of({}, 0.5) == 0);
}

TEST_CASE("only what falls into the window counts") {
  Measurement measurement({});
  CHECK_FALSE(measurement.covers(nanoseconds_now()));
  measurement.count(0, 1);
  measurement.open();
  const auto within = nanoseconds_now();
  CHECK(measurement.covers(within));
  measurement.count(0, 2'000);
  measurement.count(0, 4'000);
  measurement.close();
  measurement.count(0, 8'000);
  CHECK(measurement.covers(within));
  CHECK_FALSE(measurement.covers(nanoseconds_now()));
  CHECK(measurement.operations() == 2);
  const auto result = nlohmann::json::parse(measurement.to_json({}));
  CHECK(result["operations"] == 2);
  CHECK(result["latency_us"]["p50"] == 2.0);
  CHECK(result["latency_us"]["p99.9"] == 4.0);
  CHECK_FALSE(result.contains("cpu_us"));  // nobody was watched
  CHECK(result["errors"] == 0);
}

TEST_CASE("the handshakes of TLS are told where there were any") {
  Measurement measurement({});
  CHECK_FALSE(nlohmann::json::parse(measurement.to_json({})).contains("tls"));
  const Handshakes handshakes{.full = 2, .resumed = 3, .agreed = {"TLS x"}};
  CHECK(nlohmann::json::parse(measurement.to_json({}, &handshakes))["tls"] ==
        nlohmann::json{{"full", 2}, {"resumed", 3}, {"agreed", {"TLS x"}}});
}

TEST_CASE("the typical p99 is that of the median tenth of a second: one bad moment does not make it") {
  Measurement measurement({});
  measurement.open();
  const std::uint64_t opened = nanoseconds_now();
  // Five slices of 100 operations; the slowest of a slice has no say in its p99, the two slowest of the third have.
  for (std::uint64_t slice = 0; slice < 5; ++slice) {
    for (std::uint64_t i = 0; i < 100; ++i) {
      const std::uint64_t began = opened + slice * 100'000'000 + 1'000;
      const bool slow = i == 0 || (slice == 2 && i == 1);
      measurement.add(began, began + (slow ? 5'000'000 : 1'000 * (slice + 1)));
    }
  }
  measurement.close();
  const auto latencies = nlohmann::json::parse(measurement.to_json({}))["latency_us"];
  CHECK(latencies["p99"] == 5'000.0);      // six slow ones of 500
  CHECK(latencies["p99_typical"] == 4.0);  // of 1, 2, 4, 5 and 5,000
}

TEST_CASE("the CPU time of a process grows with what it does, and is shared out over the operations") {
  Measurement measurement(::getpid());
  measurement.open();
  const auto before = cpu_time(::getpid());
  REQUIRE(before);
  // Until the kernel has accounted for two more milliseconds.
  while (*cpu_time(::getpid()) < *before + 2'000) continue;
  for (int i = 0; i < 4; ++i) measurement.count(0, 1);
  measurement.close();
  const auto result = nlohmann::json::parse(measurement.to_json({}));
  CHECK(result["cpu_us"].get<double>() >= 500.0);  // 2,000 over 4
}

TEST_CASE("a process that is gone is an error, not a zero") {
  Measurement measurement(-1);
  measurement.open();
  measurement.count(0, 1);
  measurement.close();
  CHECK(measurement.errors() == 2);
  const auto result = nlohmann::json::parse(measurement.to_json({}));
  CHECK_FALSE(result.contains("cpu_us"));
  CHECK(result["first_error"] == "no CPU time of process -1");
}

TEST_CASE("the first error is kept, the others are counted") {
  Measurement measurement({});
  measurement.add_error("one");
  measurement.add_error("two");
  const auto result = nlohmann::json::parse(measurement.to_json({}));
  CHECK(result["errors"] == 2);
  CHECK(result["first_error"] == "one");
}

}  // namespace drover::bench
