// The text as Prometheus reads it: byte for byte, since a number in another form would be another number.
#include "observe/exposition.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

namespace drover::observe {

namespace {

// The sample of a counter without labels that has that value.
std::string shown(std::uint64_t value) {
  Exposition exposition;
  exposition.begin(MetricType::kCounter, "seen", "Seen.");
  exposition.add({}, value);
  const auto text = exposition.text();
  return text.substr(text.rfind(' ') + 1);
}

}  // namespace

TEST_CASE("exposition: families in their order, each with help, type and samples") {
  Exposition exposition;
  exposition.begin(MetricType::kCounter, "seen_total", "What was seen.");
  exposition.add({{"pool", "chat"}, {"direction", "in"}}, std::uint64_t{12});
  exposition.add({{"pool", "chat"}, {"direction", "out"}}, std::uint64_t{0});
  exposition.begin(MetricType::kGauge, "load", "How busy it is.");
  exposition.add({}, 0.25);
  CHECK(exposition.text() ==
        "# HELP seen_total What was seen.\n"
        "# TYPE seen_total counter\n"
        "seen_total{pool=\"chat\",direction=\"in\"} 12\n"
        "seen_total{pool=\"chat\",direction=\"out\"} 0\n"
        "# HELP load How busy it is.\n"
        "# TYPE load gauge\n"
        "load 0.25\n");
}

TEST_CASE("exposition: a metric without samples is told of all the same") {
  Exposition exposition;
  exposition.begin(MetricType::kCounter, "rare_total", "Seldom.");
  CHECK(exposition.text() == "# HELP rare_total Seldom.\n# TYPE rare_total counter\n");
  CHECK(Exposition().text().empty());
}

TEST_CASE("exposition: a histogram has its buckets, and that of infinity") {
  Exposition exposition;
  exposition.begin(MetricType::kHistogram, "wait_seconds", "How long it took.");
  exposition.add({{"pool", "chat"}}, {.buckets = {{0.0001, 1}, {0.0025, 3}, {67'108'864, 7}}, .count = 9, .sum = 1.5});
  const auto text = exposition.text();
  for (const char* line :
       {"wait_seconds_bucket{pool=\"chat\",le=\"0.0001\"} 1\n", "wait_seconds_bucket{pool=\"chat\",le=\"0.0025\"} 3\n",
        "wait_seconds_bucket{pool=\"chat\",le=\"67108864\"} 7\n", "wait_seconds_bucket{pool=\"chat\",le=\"+Inf\"} 9\n",
        "wait_seconds_sum{pool=\"chat\"} 1.5\n", "wait_seconds_count{pool=\"chat\"} 9\n",
        "# TYPE wait_seconds histogram\n"}) {
    CAPTURE(text);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("exposition: counts are whole numbers, exact up to 2^53") {
  CHECK(shown(0) == "0\n");
  CHECK(shown(1'234'567) == "1234567\n");
  CHECK(shown(100'000'000'000'000) == "100000000000000\n");
  CHECK(shown((std::uint64_t{1} << 53) - 1) == "9007199254740991\n");
}

TEST_CASE("exposition: label values are quoted") {
  Exposition exposition;
  exposition.begin(MetricType::kGauge, "odd", "Odd.");
  exposition.add({{"path", "a\\b\"c\nd"}}, 1.0);
  CHECK(exposition.text().find("odd{path=\"a\\\\b\\\"c\\nd\"} 1\n") != std::string::npos);
}

}  // namespace drover::observe
