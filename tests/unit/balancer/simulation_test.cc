// What old, noisy and missing load reports make of balancing: the outcomes that docs/balancing.md tells of, with
// margins that hold for any seed. The figures themselves are those of bench/simulation.
#include <doctest/doctest.h>

#include "support/balancing_simulation.h"

namespace drover::balancer {

namespace {

using simulation::Nature;
using simulation::Outcome;
using simulation::Scenario;

constexpr unsigned kSeeds = 2;
constexpr unsigned kAll = config::kAllChoices;

Scenario scored(std::optional<unsigned> choices, std::vector<Nature> backends, int report_seconds = 10) {
  Scenario scenario;
  scenario.choices = choices;
  scenario.backends = std::move(backends);
  scenario.report_every = std::chrono::seconds(report_seconds);
  return scenario;
}

Outcome outcome(std::optional<unsigned> choices, std::vector<Nature> backends, int report_seconds = 10) {
  return run(scored(choices, std::move(backends), report_seconds), kSeeds);
}

Outcome outcome(const std::string& policy, std::vector<Nature> backends) {
  auto scenario = scored({}, std::move(backends));
  scenario.policy = policy;
  return run(scenario, kSeeds);
}

// Largest over mean of the backends' sessions, over pools of several sizes.
double unevenness(std::optional<unsigned> choices, int report_seconds) {
  double sum = 0;
  for (const std::size_t count : {5U, 10U, 20U}) {
    sum += outcome(choices, simulation::noisy_and_mute(count), report_seconds).typical;
  }
  return sum / 3;
}

}  // namespace

TEST_CASE("simulation: the same seed, the same figures; another, others") {
  auto scenario = scored(2, simulation::noisy_and_mute(5));
  const Outcome first = run(scenario);
  const Outcome second = run(scenario);
  CHECK(first.typical == second.typical);
  CHECK(first.shares == second.shares);
  scenario.seed = 2;
  CHECK(run(scenario).typical != first.typical);
}

TEST_CASE("simulation: the strict minimum herds, whatever the age of reports; auto is the most even of all") {
  const auto mean = [](std::optional<unsigned> choices) {
    double sum = 0;
    for (const int seconds : {1, 10, 30}) sum += unevenness(choices, seconds);
    return sum / 3;
  };
  const double automatic = mean({});
  CHECK(automatic < mean(3));
  CHECK(automatic + 0.01 < mean(4));
  CHECK(automatic + 0.025 < mean(kAll));
  CHECK(unevenness(2, 1) + 0.03 < unevenness(kAll, 1));
  CHECK(unevenness(2, 30) + 0.015 < unevenness(kAll, 30));
}

TEST_CASE("simulation: under two choices nobody is starved or preferred for what it reports, or for being mute") {
  for (const int seconds : {1, 10, 30}) {
    const Outcome two = outcome(2, simulation::noisy_and_mute(10), seconds);
    CHECK(two.shares.front() == doctest::Approx(1).epsilon(0.1));
    CHECK(two.shares.back() == doctest::Approx(1).epsilon(0.1));
  }
  // The strict minimum falls upon whoever has just reported too little.
  CHECK(outcome(kAll, simulation::noisy_and_mute(20), 1).shares.front() > 1.1);
}

TEST_CASE("simulation: sessions follow the load, where counting them does not see it") {
  const Outcome weak = outcome(2, simulation::one_weak(10));
  CHECK(weak.shares.front() < 0.8);
  CHECK(weak.busiest < 0.8);
  CHECK(outcome("least_connections", simulation::one_weak(10)).busiest > 0.95);
  const Outcome busy = outcome(2, simulation::one_busy(10));
  CHECK(busy.shares.front() < 0.87);
  CHECK(busy.busiest < 0.75);
  CHECK(outcome("least_connections", simulation::one_busy(10)).busiest > 0.77);
}

TEST_CASE(
    "simulation: who loses its sessions at once is given nearly all by a minimum, and two tenths by two choices") {
  CHECK(outcome(kAll, simulation::one_dropping(10)).placed.front() > 0.7);
  CHECK(outcome("least_connections", simulation::one_dropping(10)).placed.front() > 0.7);
  CHECK(outcome(2, simulation::one_dropping(10)).placed.front() < 0.22);
  CHECK(outcome("random_two", simulation::one_dropping(10)).placed.front() < 0.22);
}

TEST_CASE("simulation: what is counted live is even, and turns that count nothing are not") {
  const auto even = outcome("least_connections", simulation::plain(10)).typical;
  const auto two = outcome("random_two", simulation::plain(10)).typical;
  const auto turns = outcome("round_robin", simulation::plain(10)).typical;
  CHECK(even < 1.05);
  CHECK(two < 1.1);
  CHECK(two + 0.05 < turns);
  // Where nobody reports, the score goes by sessions.
  CHECK(outcome(kAll, simulation::all_mute(10)).typical < 1.05);
  CHECK(outcome(2, simulation::all_mute(10)).typical < 1.1);
}

}  // namespace drover::balancer
