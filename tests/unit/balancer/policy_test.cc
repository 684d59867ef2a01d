// What all policies promise: only eligible backends, each once until the caller is content, and shares by weight.
#include "balancer/policy.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "backends.h"

namespace drover::balancer {

TEST_CASE("successive candidates are eligible, never repeat, and are all there are") {
  for (const auto& name : kPolicyNames) {
    CAPTURE(name);
    Placement placement(name, weighing({1, 5, 2, 1}));
    for (int session = 0; session < 50; ++session) {
      const auto key = session % 5 == 0 ? std::nullopt : std::optional(hash_of(std::to_string(session)));
      std::set<std::string> tried;
      const Eligible untried = [&](const Backend& backend) {
        return backend.name() != "c" && !tried.contains(backend.name());
      };
      for (int candidate = 0; candidate < 3; ++candidate) CHECK(tried.insert(placement.pick(key, untried)).second);
      CHECK(tried == std::set<std::string>{"a", "b", "d"});
      CHECK(placement.pick(key, untried).empty());
    }
  }
}

TEST_CASE("without backends, or without an eligible one, there is no pick") {
  const Eligible none = [](const Backend&) { return false; };
  for (const auto& name : kPolicyNames) {
    CAPTURE(name);
    CHECK(Placement(name, {}, 3).pick(hash_of("x")).empty());
    Placement placement(name, weighing({1, 1}));
    CHECK(placement.pick(hash_of("x"), none).empty());
    CHECK(placement.pick({}, none).empty());
    CHECK(!placement.pick(hash_of("x")).empty());
    CHECK(!placement.pick().empty());
  }
}

TEST_CASE("a pick takes no lease") {
  for (const auto& name : kPolicyNames) {
    Placement placement(name, weighing({1}));
    placement.pick(hash_of("x"));
    CHECK(placement.backend(0).active() == 0);
  }
}

TEST_CASE("with many sessions held, shares are as the weights: 1 : 2 : 3 within 2 %") {
  constexpr int kSessions = 10'000;
  for (const auto& name : kPolicyNames) {
    CAPTURE(name);
    Placement placement(name, weighing({1, 2, 3}));
    for (int i = 0; i < kSessions; ++i) placement.place(hash_of("session-" + std::to_string(i)));
    for (unsigned i = 0; i < 3; ++i) {
      CHECK(placement.backend(i).active() == doctest::Approx(kSessions * (i + 1) / 6.0).epsilon(0.02));
    }
  }
}

TEST_CASE("what the agent makes of a weight is its share") {
  constexpr int kSessions = 6'000;
  for (const auto& name : kPolicyNames) {
    if (name == "consistent_hash") continue;  // goes by the weight of the configuration
    CAPTURE(name);
    auto backends = weighing({1, 2, 12});
    backends[2]->set_weight_percent(25);
    Placement placement(name, backends);
    placement.place_many(kSessions);
    for (unsigned i = 0; i < 3; ++i) {
      CHECK(placement.backend(i).active() == doctest::Approx(kSessions * (i + 1) / 6.0).epsilon(0.02));
    }
  }
}

TEST_CASE("workers that share backends keep to the shares together") {
  constexpr int kSessions = 6'000;
  for (const auto& name : kPolicyNames) {
    CAPTURE(name);
    const auto backends = weighing({1, 2, 3});
    Placement first(name, backends, 0, 1);
    Placement second(name, backends, 1, 2);
    for (int i = 0; i < kSessions; ++i) (i % 3 == 0 ? first : second).place(hash_of("a" + std::to_string(i)));
    for (unsigned i = 0; i < 3; ++i) {
      CHECK(backends[i]->active() == doctest::Approx(kSessions * (i + 1) / 6.0).epsilon(0.06));
    }
  }
}

TEST_CASE("workers begin with different backends") {
  for (const std::string name : {"round_robin", "least_connections"}) {
    const auto backends = weighing({1, 1, 1});
    std::set<std::string> first;
    for (unsigned worker = 0; worker < 3; ++worker) first.insert(Placement(name, backends, worker).pick());
    CHECK(first.size() == 3);
  }
}

TEST_CASE("who has just come back is given its slow share of what comes") {
  // Two backends, one at the beginning of its slow start: 0.05 : 1 of 210 is 10 : 200. A second later, half way, it is
  // 0.525 : 1.
  for (const std::string name : {"round_robin", "least_connections"}) {
    CAPTURE(name);
    const auto backends = weighing({1, 1});
    backends[0]->begin_slow_start(kNow, Milliseconds(2'000));
    Placement placement(name, backends);
    placement.place_many(210);
    CHECK(backends[0]->active() == 10);
    CHECK(backends[1]->active() == 200);
    placement.leases().clear();
    placement.place_many(610, kNow + Milliseconds(1'000));
    CHECK(backends[0]->active() == 210);
    CHECK(backends[1]->active() == 400);
    placement.leases().clear();
    placement.place_many(100, kNow + Milliseconds(2'000));
    CHECK(backends[0]->active() == 50);
  }
}

TEST_CASE("slow start holds for what is drawn at random, too") {
  for (const std::string name : {"random_two", "health_score"}) {
    CAPTURE(name);
    const auto backends = weighing({1, 1, 1});
    backends[0]->begin_slow_start(kNow, Milliseconds(2'000));
    Placement placement(name, backends);
    placement.place_many(4'100);
    CHECK(backends[0]->active() == doctest::Approx(100).epsilon(0.1));  // 0.05 of 2.05
  }
}

TEST_CASE("what is drawn at random is drawn by the seed") {
  for (const std::string name : {"random_two", "health_score"}) {
    const auto backends = weighing({1, 1, 1, 1, 1});
    const auto picks = [&](std::uint64_t seed) { return Placement(name, backends, 0, seed).picks(50); };
    CHECK(picks(1) == picks(1));
    CHECK(picks(1) != picks(2));
  }
}

TEST_CASE("a pool makes the policy of its settings") {
  auto settings = settings_of("round_robin");
  settings.name = "chat";
  settings.panic_threshold = 0.5;
  const Pool pool(settings, weighing({5, 1, 1}));
  CHECK(pool.name() == "chat");
  CHECK(pool.settings() == settings);
  CHECK(pool.backends().size() == 3);
  CHECK(pool.standard() == Standard::kUnproven);
  pool.backends()[0]->set_probe(ProbeState::kUp);
  CHECK(pool.standard() == Standard::kProven);
  pool.backends()[1]->set_probe(ProbeState::kDown);
  pool.backends()[2]->set_probe(ProbeState::kDown);
  CHECK(pool.standard() == Standard::kPanic);
  const auto policy = pool.make_policy(0, 1);
  std::string names;
  for (int i = 0; i < 7; ++i) names += policy->pick({.eligible = kAny, .now = kNow, .key = {}})->name();
  CHECK(names == "aabacaa");
}

}  // namespace drover::balancer
