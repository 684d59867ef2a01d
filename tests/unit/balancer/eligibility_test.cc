// Who may be sent a session: three states that know nothing of each other, and what becomes of them when too few are
// up.
#include "balancer/eligibility.h"

#include <doctest/doctest.h>

#include <vector>

#include "backends.h"

namespace drover::balancer {

namespace {

using Made = std::vector<std::shared_ptr<Backend>>;

constexpr double kNoPanic = 0;

// So many of each kind; up, down and checking are neither ejected nor closed to new sessions.
struct Mix {
  int up = 0, down = 0, checking = 0, ejected = 0, drained = 0;
};

Made make(const Mix& mix) {
  Made made;
  const auto add = [&made](int count, ProbeState probe, auto&& also) {
    for (int i = 0; i < count; ++i) {
      made.push_back(make_backend("b" + std::to_string(made.size())));
      made.back()->set_probe(probe);
      also(*made.back());
    }
  };
  const auto nothing = [](Backend&) {};
  add(mix.up, ProbeState::kUp, nothing);
  add(mix.down, ProbeState::kDown, nothing);
  add(mix.checking, ProbeState::kChecking, nothing);
  add(mix.ejected, ProbeState::kUp, [](Backend& backend) { backend.set_ejected(true); });
  add(mix.drained, ProbeState::kUp, [](Backend& backend) { backend.set_operator_state(OperatorState::kDrain); });
  return made;
}

Standard standard(const Mix& mix, double threshold) {
  return standard_of(make(mix), threshold);
}

// One of all combinations.
struct Combination {
  ProbeState probe;
  bool ejected;
  OperatorState operator_state, agent_state;
  bool leaving, full;
  unsigned percent;
};

std::vector<Combination> all_combinations() {
  std::vector<Combination> all;
  constexpr OperatorState kStates[] = {OperatorState::kReady, OperatorState::kDrain, OperatorState::kMaintenance};
  for (const auto probe : {ProbeState::kChecking, ProbeState::kUp, ProbeState::kDown}) {
    for (const bool ejected : {false, true}) {
      for (const auto by_operator : kStates) {
        for (const auto by_agent : kStates) {
          for (unsigned bits = 0; bits < 8; ++bits) {
            all.push_back(
                {probe, ejected, by_operator, by_agent, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0 ? 0U : 100U});
          }
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("eligibility: every combination of the states, by every standard") {
  const auto all = all_combinations();
  CHECK(all.size() == 3 * 2 * 3 * 3 * 8);
  int proven = 0;
  int unproven = 0;
  int panic = 0;
  for (const auto& at : all) {
    const auto backend = make_backend("a", 1, 1);
    std::vector<Lease> leases;
    if (at.full) leases = hold(backend, 1);
    backend->set_probe(at.probe);
    backend->set_ejected(at.ejected);
    backend->set_operator_state(at.operator_state);
    backend->set_agent_state(at.agent_state);
    backend->set_leaving(at.leaving);
    backend->set_weight_percent(at.percent);

    // Nothing has changed what another has set.
    REQUIRE(backend->probe() == at.probe);
    REQUIRE(backend->ejected() == at.ejected);
    REQUIRE(backend->operator_state() == std::max(at.operator_state, at.agent_state));
    REQUIRE(backend->agent_state() == at.agent_state);

    const bool wanted = at.operator_state == OperatorState::kReady && at.agent_state == OperatorState::kReady &&
                        !at.leaving && at.percent != 0;
    REQUIRE(backend->open() == wanted);
    const bool room = wanted && !at.full;
    const bool up = at.probe == ProbeState::kUp && !at.ejected;
    const bool not_yet = at.probe == ProbeState::kChecking && !at.ejected;
    REQUIRE(eligible(*backend, Standard::kProven) == (room && up));
    REQUIRE(eligible(*backend, Standard::kUnproven) == (room && (up || not_yet)));
    REQUIRE(eligible(*backend, Standard::kPanic) == room);
    proven += eligible(*backend, Standard::kProven) ? 1 : 0;
    unproven += eligible(*backend, Standard::kUnproven) ? 1 : 0;
    panic += eligible(*backend, Standard::kPanic) ? 1 : 0;
  }
  CHECK(proven == 1);    // all states good
  CHECK(unproven == 2);  // up or checking
  CHECK(panic == 6);     // any probe, ejected or not
}

TEST_CASE("eligibility: checking backends count only while nothing is up") {
  CHECK(standard({.checking = 2}, kNoPanic) == Standard::kUnproven);
  CHECK(standard({.down = 3, .checking = 1}, kNoPanic) == Standard::kUnproven);
  CHECK(standard({.checking = 1, .ejected = 2}, kNoPanic) == Standard::kUnproven);
  CHECK(standard({.checking = 1, .drained = 2}, kNoPanic) == Standard::kUnproven);  // up, but not for new sessions
  CHECK(standard({.up = 1, .checking = 5}, kNoPanic) == Standard::kProven);
  CHECK(standard({.down = 1}, kNoPanic) == Standard::kProven);
  CHECK(standard({}, kNoPanic) == Standard::kProven);
}

TEST_CASE("eligibility: a backend that is checking and closed proves nothing") {
  const Made backends = make({.down = 1, .checking = 1});
  backends[1]->set_operator_state(OperatorState::kMaintenance);
  CHECK(standard_of(backends, kNoPanic) == Standard::kProven);
  CHECK(standard_of(backends, 0.5) == Standard::kPanic);
}

TEST_CASE("panic: when fewer than the threshold are healthy, not at it") {
  CHECK(standard({.up = 3, .down = 7}, 0.3) == Standard::kProven);  // 3 of 10
  CHECK(standard({.up = 2, .down = 8}, 0.3) == Standard::kPanic);
  CHECK(standard({.up = 1, .down = 1}, 0.5) == Standard::kProven);
  CHECK(standard({.up = 55, .down = 45}, 0.55) == Standard::kProven);  // 0.55 · 100 is above 55 in binary
  CHECK(standard({.up = 54, .down = 46}, 0.55) == Standard::kPanic);
  CHECK(standard({.up = 1, .down = 2}, 0.5) == Standard::kPanic);
  CHECK(standard({.up = 9, .down = 1}, 1.0) == Standard::kPanic);
  CHECK(standard({.up = 10}, 1.0) == Standard::kProven);
  CHECK(standard({.down = 10}, 0.3) == Standard::kPanic);
  CHECK(standard({.down = 10}, kNoPanic) == Standard::kProven);
}

TEST_CASE("panic: ejected ones are unhealthy, those that nobody has judged or that are closed do not count") {
  CHECK(standard({.up = 2, .ejected = 8}, 0.3) == Standard::kPanic);
  CHECK(standard({.up = 1, .down = 1, .checking = 100}, 0.5) == Standard::kProven);
  CHECK(standard({.up = 1, .down = 1, .drained = 100}, 0.5) == Standard::kProven);
  CHECK(standard({.down = 3, .checking = 1}, 0.5) == Standard::kUnproven);
}

TEST_CASE("panic: full backends are healthy, for max_connections keeps them from being crushed") {
  Made backends = {make_backend("a", 1, 1), make_backend("b", 1, 1), make_backend("c")};
  backends[0]->set_probe(ProbeState::kUp);
  backends[1]->set_probe(ProbeState::kUp);
  backends[2]->set_probe(ProbeState::kDown);
  const auto a = hold(backends[0], 1);
  const auto b = hold(backends[1], 1);
  CHECK(standard_of(backends, 0.5) == Standard::kProven);
  CHECK(count_eligible(backends) == 0);
}

TEST_CASE("panic: it opens none that the operator has closed, and fills none over its limit") {
  const Made backends = make({.down = 4, .drained = 1});
  REQUIRE(standard_of(backends, 0.3) == Standard::kPanic);
  CHECK(eligible(*backends[0], Standard::kPanic));
  CHECK(!eligible(*backends[4], Standard::kPanic));
}

TEST_CASE("count_eligible: by merit, and not fooled by panic") {
  const auto count = [](const Mix& mix) { return count_eligible(make(mix)); };
  CHECK(count({.up = 3, .down = 7}) == 3);
  CHECK(count({.down = 5}) == 0);  // where a pool with the default threshold would be in panic
  CHECK(count({.up = 1, .down = 9}) == 1);
  CHECK(count({.up = 2, .checking = 3, .ejected = 4, .drained = 5}) == 2);
  CHECK(count({.down = 1, .checking = 3}) == 3);
  CHECK(count({}) == 0);
}

TEST_CASE("the words of the states") {
  CHECK(name_of(ProbeState::kChecking) == "checking");
  CHECK(name_of(ProbeState::kUp) == "up");
  CHECK(name_of(ProbeState::kDown) == "down");
  CHECK(name_of(OperatorState::kReady) == "ready");
  CHECK(name_of(OperatorState::kDrain) == "drain");
  CHECK(name_of(OperatorState::kMaintenance) == "maintenance");
}

}  // namespace drover::balancer
