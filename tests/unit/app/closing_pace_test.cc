// How fast sessions are told to go at shutdown.
#include "app/closing_pace.h"

#include <doctest/doctest.h>

using namespace drover;
using namespace drover::app;
using namespace std::chrono_literals;

TEST_CASE("the last to be told keeps 10 s, or half of a short deadline") {
  CHECK(closing_grace(60s) == 10s);
  CHECK(closing_grace(20s) == 10s);
  CHECK(closing_grace(10s) == 5s);
  CHECK(closing_grace(1ms) == 0ms);
}

TEST_CASE("auto spreads over what the deadline leaves before the grace") {
  CHECK(closing_pace(std::nullopt, 50'000, 30s) == doctest::Approx(2'500));
  CHECK(closing_pace(std::nullopt, 50'000, 10s) == doctest::Approx(10'000));
}

TEST_CASE("auto does not make few sessions linger") {
  CHECK(closing_pace(std::nullopt, 0, 30s) == kLeastAutoPace);
  CHECK(closing_pace(std::nullopt, 10, 30s) == kLeastAutoPace);
  CHECK(closing_pace(std::nullopt, 1'999, 30s) == kLeastAutoPace);
}

TEST_CASE("auto survives a deadline without any time") {
  CHECK(closing_pace(std::nullopt, 5'000, 0ms) == doctest::Approx(5'000));
}

TEST_CASE("a configured pace is what it is, also a slow one") {
  CHECK(closing_pace(2.5, 50'000, 30s) == 2.5);
}
