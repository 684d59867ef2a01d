// The figures of docs/balancing.md: what each policy makes of 10,000 sessions that come and go, as CSV. Deterministic.
#include <cstdio>

#include "support/balancing_simulation.h"

namespace {

using drover::Milliseconds;
using namespace drover::balancer::simulation;

constexpr unsigned kSeeds = 3;  // the mean of so many runs

struct Contender {
  const char* name;
  const char* policy;
  std::optional<unsigned> choices;
};

constexpr Contender kContenders[] = {
    {"health_score choices=all", "health_score", drover::config::kAllChoices},
    {"health_score choices=4", "health_score", 4},
    {"health_score choices=3", "health_score", 3},
    {"health_score choices=2", "health_score", 2},
    {"least_connections", "least_connections", {}},
    {"random_two", "random_two", {}},
    {"round_robin", "round_robin", {}},
};

void print(const char* pool, std::vector<Nature> (*make)(std::size_t), std::size_t count, int seconds) {
  for (const auto& contender : kContenders) {
    Scenario scenario;
    scenario.policy = contender.policy;
    scenario.choices = contender.choices;
    scenario.backends = make(count);
    scenario.report_every = std::chrono::seconds(seconds);
    const Outcome outcome = run(scenario, kSeeds);
    std::printf("%s,%s,%zu,%d,%.3f,%.2f,%.3f,%.3f,%.3f,%.3f\n", pool, contender.name, count, seconds, outcome.typical,
                outcome.worst, outcome.busiest, outcome.shares.front(), outcome.shares.back(), outcome.placed.front());
  }
}

}  // namespace

int main() {
  std::puts("pool,policy,backends,report_every_s,typical,worst,busiest,share_first,share_last,placed_first");
  for (const std::size_t count : {2U, 3U, 5U, 10U, 20U, 50U}) {
    for (const int seconds : {1, 10, 30}) print("noisy_and_mute", noisy_and_mute, count, seconds);
    print("all_mute", all_mute, count, 10);
  }
  print("plain", plain, 10, 10);
  print("one_weak", one_weak, 10, 10);
  print("one_busy", one_busy, 10, 10);
  print("one_dropping", one_dropping, 10, 10);
}
