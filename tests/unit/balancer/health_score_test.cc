// The policy health_score: how many it compares, and which of them it takes.
#include <doctest/doctest.h>

#include <string>

#include "backends.h"

namespace drover::balancer {

namespace {

config::Pool comparing(std::optional<unsigned> choices) {
  auto settings = settings_of("health_score");
  settings.choices = choices;
  return settings;
}

// Four that differ by what they report, "a" being the best.
std::vector<std::shared_ptr<Backend>> four_by_load() {
  const auto backends = weighing({1, 1, 1, 1});
  double load = 0.1;
  for (const auto& backend : backends) {
    backend->load().cpu.set(load, kNow);
    load += 0.2;
  }
  return backends;
}

}  // namespace

TEST_CASE("health score: all of them compared, the best always") {
  CHECK(Placement(comparing(config::kAllChoices), four_by_load()).pick_many(100) == Placement::Counts{{"a", 100}});
  CHECK(Placement(comparing(4), four_by_load()).pick_many(100) == Placement::Counts{{"a", 100}});
  CHECK(Placement(comparing(100), four_by_load()).pick_many(100) == Placement::Counts{{"a", 100}});
}

TEST_CASE("health score: of two choices the better") {
  constexpr int kPicks = 12'000;
  auto counts = Placement(comparing(2), four_by_load()).pick_many(kPicks);
  // Of six pairs a is the better of three, b of two, c of one.
  CHECK(counts["a"] == doctest::Approx(kPicks * 3 / 6).epsilon(0.03));
  CHECK(counts["b"] == doctest::Approx(kPicks * 2 / 6).epsilon(0.03));
  CHECK(counts["c"] == doctest::Approx(kPicks * 1 / 6).epsilon(0.05));
  CHECK(counts["d"] == 0);
}

TEST_CASE("health score: auto is two choices") {
  Placement automatic(comparing({}), four_by_load());
  Placement two(comparing(2), four_by_load());
  CHECK(automatic.picks(200) == two.picks(200));
}

TEST_CASE("health score: of three choices the best") {
  constexpr int kPicks = 12'000;
  auto counts = Placement(comparing(3), four_by_load()).pick_many(kPicks);
  // Of four triples a is the best of three, b of one.
  CHECK(counts["a"] == doctest::Approx(kPicks * 3 / 4).epsilon(0.03));
  CHECK(counts["b"] == doctest::Approx(kPicks * 1 / 4).epsilon(0.05));
  CHECK(counts.size() == 2);
}

TEST_CASE("health score: one choice is chance by weight") {
  constexpr int kPicks = 12'000;
  const auto backends = weighing({1, 2, 3});
  backends[0]->load().cpu.set(0.1, kNow);
  auto counts = Placement(comparing(1), backends).pick_many(kPicks);
  CHECK(counts["a"] == doctest::Approx(kPicks * 1 / 6).epsilon(0.05));
  CHECK(counts["c"] == doctest::Approx(kPicks * 3 / 6).epsilon(0.03));
}

TEST_CASE("health score: only those that are eligible are compared, and measure each other") {
  auto backends = four_by_load();
  Placement placement(comparing(config::kAllChoices), backends);
  const Eligible not_a = [](const Backend& backend) { return backend.name() != "a"; };
  CHECK(placement.pick({}, not_a) == "b");
}

TEST_CASE("health score: who is not eligible is no measure for the others") {
  const auto backends = weighing({1, 1, 1});
  const auto a = hold(backends[0], 99);
  const auto b = hold(backends[1], 9);
  backends[1]->load().cpu.set(0.1, kNow);
  backends[2]->load().cpu.set(0.5, kNow);
  Placement placement(comparing(config::kAllChoices), backends);
  const Eligible not_a = [](const Backend& backend) { return backend.name() != "a"; };
  // Of 0.3 · connections + 0.25 · cpu, scaled alike: 0.3 · 10/10 + 0.25 · 0.1 against 0.3 · 1/10 + 0.25 · 0.5.
  CHECK(placement.pick({}, not_a) == "c");
  // With a's 100 as the largest: 0.3 · 10/100 + 0.25 · 0.1 against 0.3 · 1/100 + 0.25 · 0.5.
  CHECK(placement.pick() == "b");
}

TEST_CASE("health score: equals take turns at random") {
  constexpr int kPicks = 9'000;
  auto counts = Placement(comparing(config::kAllChoices), weighing({1, 1, 1})).pick_many(kPicks);
  for (const auto& [name, count] : counts) CHECK(count == doctest::Approx(kPicks / 3).epsilon(0.05));
  CHECK(counts.size() == 3);
}

TEST_CASE("health score: what is stale does not decide, sessions do") {
  const auto backends = weighing({1, 1});
  backends[0]->load().cpu.set(0.9, kNow);
  backends[1]->load().cpu.set(0.1, kNow);
  Placement placement(comparing(config::kAllChoices), backends);
  const auto b = hold(backends[1], 1);
  CHECK(placement.pick() == "b");  // 0.55 · (1/2 · 0.3/0.55 + 0.9 · 0.25/0.55) against 1 · 0.3 + 0.1 · 0.25
  CHECK(placement.pick({}, kAny, kNow + Milliseconds(30'001)) == "a");
}

TEST_CASE("health score: its weights are the pool's") {
  const auto backends = weighing({1, 1});
  backends[0]->load().cpu.set(0.9, kNow);
  backends[1]->load().cpu.set(0.1, kNow);
  const auto b = hold(backends[1], 1);
  auto settings = comparing(config::kAllChoices);
  settings.score.cpu = 0.01;  // 0.3 · 1/2 + 0.01 · 0.9 against 0.3 · 1 + 0.01 · 0.1
  CHECK(Placement(settings, backends).pick() == "a");
}

}  // namespace drover::balancer
