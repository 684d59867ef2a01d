// What each policy picks, and what all of them promise: only eligible backends, each once until the caller is content.
#include "balancer/policy.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "backends.h"
#include "balancer/lease.h"
#include "balancer/pool.h"

namespace drover::balancer {

namespace {

using config::PolicyKind;

constexpr PolicyKind kAll[] = {PolicyKind::kRoundRobin, PolicyKind::kLeastConnections};

std::string pick_name(Policy& policy, const Eligible& eligible = kAny) {
  const auto picked = policy.pick({eligible});
  return picked ? picked->name() : "";
}

std::string picks(Policy& policy, int count) {
  std::string names;
  for (int i = 0; i < count; ++i) names += pick_name(policy);
  return names;
}

}  // namespace

TEST_CASE("successive candidates are eligible, never repeat, and are all there are") {
  for (const auto kind : kAll) {
    const auto backends = weighing({1, 5, 2, 1});
    const auto policy = make_policy(kind, backends, 0);
    for (int session = 0; session < 50; ++session) {
      std::set<std::string> tried;
      const Eligible untried = [&](const Backend& backend) {
        return backend.name() != "c" && !tried.contains(backend.name());
      };
      for (int candidate = 0; candidate < 3; ++candidate) CHECK(tried.insert(pick_name(*policy, untried)).second);
      CHECK(tried == std::set<std::string>{"a", "b", "d"});
      CHECK(policy->pick({untried}) == nullptr);
    }
  }
}

TEST_CASE("without backends, or without an eligible one, there is no pick") {
  const Eligible none = [](const Backend&) { return false; };
  for (const auto kind : kAll) {
    CHECK(make_policy(kind, {}, 3)->pick({kAny}) == nullptr);
    const auto backends = weighing({1, 1});
    const auto policy = make_policy(kind, backends, 0);
    CHECK(policy->pick({none}) == nullptr);
    CHECK(policy->pick({kAny}) != nullptr);
  }
}

TEST_CASE("a pick takes no lease") {
  for (const auto kind : kAll) {
    const auto backends = weighing({1});
    make_policy(kind, backends, 0)->pick({kAny});
    CHECK(backends[0]->active() == 0);
  }
}

TEST_CASE("round robin: weights 1:2:3 are exact over every six picks") {
  const auto backends = weighing({1, 2, 3});
  const auto policy = make_policy(PolicyKind::kRoundRobin, backends, 0);
  for (int cycle = 0; cycle < 1000; ++cycle) {
    std::map<char, int> counts;
    for (const char name : picks(*policy, 6)) ++counts[name];
    REQUIRE(counts == std::map<char, int>{{'a', 1}, {'b', 2}, {'c', 3}});
  }
}

TEST_CASE("round robin is smooth: the heavy one does not come in one block") {
  const auto backends = weighing({5, 1, 1});
  CHECK(picks(*make_policy(PolicyKind::kRoundRobin, backends, 0), 14) == "aabacaaaabacaa");
}

TEST_CASE("round robin: whom one worker leaves out does not save up") {
  const auto backends = weighing({1, 1, 1});
  const auto policy = make_policy(PolicyKind::kRoundRobin, backends, 0);
  const Eligible without_c = [](const Backend& backend) { return backend.name() != "c"; };
  for (int i = 0; i < 100; ++i) pick_name(*policy, without_c);
  std::map<char, int> counts;
  for (const char name : picks(*policy, 9)) ++counts[name];
  CHECK(counts == std::map<char, int>{{'a', 3}, {'b', 3}, {'c', 3}});
}

TEST_CASE("workers begin with different backends") {
  for (const auto kind : kAll) {
    const auto backends = weighing({1, 1, 1});
    std::set<std::string> first;
    for (unsigned worker = 0; worker < 3; ++worker) first.insert(pick_name(*make_policy(kind, backends, worker)));
    CHECK(first.size() == 3);
  }
}

TEST_CASE("least connections: the fewest for the weight") {
  const auto backends = weighing({1, 2, 4});
  const auto policy = make_policy(PolicyKind::kLeastConnections, backends, 0);
  std::vector<Lease> leases;
  std::map<std::string, int> counts;
  for (int i = 0; i < 70; ++i) {
    leases.push_back(Lease::take(policy->pick({kAny})));
    ++counts[leases.back().backend().name()];
  }
  CHECK(counts == std::map<std::string, int>{{"a", 10}, {"b", 20}, {"c", 40}});
}

TEST_CASE("least connections is exact where a division would not be") {
  // (active + 1) / weight: 334/1000 against 1/3; the first is larger by 0.0007, and integers alone call them equal.
  const auto backends = weighing({1000, 3});
  std::vector<Lease> leases;
  for (int i = 0; i < 333; ++i) leases.push_back(Lease::take(backends[0]));
  CHECK(pick_name(*make_policy(PolicyKind::kLeastConnections, backends, 0)) == "b");
  leases.pop_back();  // 333/1000 against 1/3
  CHECK(pick_name(*make_policy(PolicyKind::kLeastConnections, backends, 1)) == "a");
}

TEST_CASE("least connections agrees with a naive model under random coming and going") {
  std::mt19937 random(5);
  const auto backends = weighing({1, 3, 7, 1000});
  const auto policy = make_policy(PolicyKind::kLeastConnections, backends, 0);
  std::vector<Lease> leases;
  const auto load = [](const Backend& backend, std::uint64_t scale) {
    return (std::uint64_t{backend.active()} + 1) * scale / backend.weight();
  };
  for (int step = 0; step < 5000; ++step) {
    if (random() % 5 < 2 && !leases.empty()) {
      std::swap(leases[random() % leases.size()], leases.back());
      leases.pop_back();
      continue;
    }
    const auto picked = policy->pick({kAny});
    REQUIRE(picked != nullptr);
    constexpr std::uint64_t kMultiple = 21'000;  // of every weight: exact
    for (const auto& other : backends) REQUIRE(load(*picked, kMultiple) <= load(*other, kMultiple));
    leases.push_back(Lease::take(picked));
  }
}

TEST_CASE("least connections: equals take turns") {
  const auto backends = weighing({1, 1, 1});
  CHECK(picks(*make_policy(PolicyKind::kLeastConnections, backends, 0), 6) == "abcabc");
}

TEST_CASE("a pool makes the policy of its settings") {
  config::Pool settings;
  settings.name = "chat";
  settings.policy = PolicyKind::kRoundRobin;
  const Pool pool(settings, weighing({5, 1, 1}));
  CHECK(pool.name() == "chat");
  CHECK(pool.backends().size() == 3);
  CHECK(picks(*pool.make_policy(0), 7) == "aabacaa");
  settings.policy = PolicyKind::kLeastConnections;
  CHECK(picks(*Pool(settings, weighing({5, 1, 1})).make_policy(0), 3) == "aaa");  // idle: the heaviest, always
}

}  // namespace drover::balancer
