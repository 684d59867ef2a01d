// Who gives how many sessions to whom, and that it comes to an end.
#include "migration/rebalancer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "balancer/lease.h"

namespace drover::migration {

namespace {

std::vector<Share> with(const std::vector<std::uint64_t>& actives) {
  std::vector<Share> shares;
  for (const auto active : actives) shares.push_back({.active = active});
  return shares;
}

std::vector<std::uint64_t> goals_of(const std::vector<Share>& shares) {
  std::vector<std::uint64_t> goals;
  for (const auto& part : balance_of(shares).parts) goals.push_back(part.goal);
  return goals;
}

double load_of(const Share& share) {
  return static_cast<double>(share.active) / static_cast<double>(share.weight);
}

// The loads, the largest first: what a move must make smaller (DESIGN section 7: only where it makes the difference
// smaller).
std::vector<double> loads_of(const std::vector<Share>& shares) {
  std::vector<double> loads;
  for (const auto& share : shares) loads.push_back(load_of(share));
  std::ranges::sort(loads, std::greater());
  return loads;
}

// Moves one session, between two that are drawn of those that give and take.
void move_one(std::vector<Share>& shares, const Balance& balance, std::mt19937& random) {
  std::vector<std::size_t> givers, takers;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (balance.parts[i].gives > 0) givers.push_back(i);
    if (balance.parts[i].takes > 0) takers.push_back(i);
  }
  REQUIRE(!givers.empty());
  REQUIRE(!takers.empty());
  Share& giver = shares[givers[random() % givers.size()]];
  Share& taker = shares[takers[random() % takers.size()]];
  REQUIRE(taker.room > 0);
  --giver.active;
  if (giver.room != Share::kUnlimited) ++giver.room;
  ++taker.active;
  if (taker.room != Share::kUnlimited) --taker.room;
}

std::shared_ptr<balancer::Backend> make_backend(const std::string& name, unsigned weight = 1, std::uint32_t most = 0) {
  config::BackendSpec spec;
  spec.name = name;
  spec.address = {"10.0.0.1", 80, "10.0.0.1:80"};
  spec.weight = weight;
  spec.max_connections = most;
  auto backend = std::make_shared<balancer::Backend>("chat", spec);
  backend->set_probe(balancer::ProbeState::kUp);
  return backend;
}

std::vector<balancer::Lease> hold(const std::shared_ptr<balancer::Backend>& backend, int sessions) {
  std::vector<balancer::Lease> leases;
  for (int i = 0; i < sessions; ++i) leases.push_back(balancer::Lease::take(backend));
  return leases;
}

constexpr double kThreshold = 0.3;
constexpr MonotonicTime kNow{Milliseconds(1'000'000)};

}  // namespace

TEST_CASE("two full ones and an empty one") {
  const auto balance = balance_of(with({300, 300, 0}));
  CHECK(balance.spread == doctest::Approx(1));
  CHECK(balance.calls_for_moves(kThreshold));
  CHECK(balance.left == 200);
  CHECK(balance.parts[0].gives == 100);
  CHECK(balance.parts[1].gives == 100);
  CHECK(balance.parts[2].takes == 200);
  CHECK(balance.parts[2].goal == 200);
  CHECK(balance.parts[0].takes == 0);
}

TEST_CASE("five full ones and an empty one") {
  const auto balance = balance_of(with({120, 120, 120, 120, 120, 0}));
  CHECK(balance.left == 100);
  for (int i = 0; i < 5; ++i) CHECK(balance.parts[static_cast<std::size_t>(i)].gives == 20);
  CHECK(balance.parts[5].takes == 100);
}

TEST_CASE("by weight") {
  // 3 to 1: the first has what is its share of 80, and the second twice what is its own.
  const std::vector<Share> shares = {{.active = 60, .weight = 3}, {.active = 40, .weight = 1}, {.weight = 1}};
  CHECK(goals_of(shares) == std::vector<std::uint64_t>{60, 20, 20});
  CHECK(balance_of(shares).parts[0].gives == 0);
  CHECK(balance_of(shares).left == 20);
  CHECK(balance_of(std::vector<Share>{{.active = 60, .weight = 3}, {.active = 20, .weight = 1}}).even);
}

TEST_CASE("it begins above the threshold, and ends within 5 % of the mean") {
  CHECK(!balance_of(with({100, 70})).calls_for_moves(kThreshold));  // 0.3, which is not above it
  CHECK(balance_of(with({100, 69})).calls_for_moves(kThreshold));
  // What has begun goes on far below the threshold.
  CHECK(!balance_of(with({106, 94})).even);
  CHECK(balance_of(with({105, 95})).even);
  // The mean is that of all: one that is within 5 % of it does not end what another needs.
  CHECK(!balance_of(with({100, 100, 80})).even);
}

TEST_CASE("where whole sessions allow no less, nothing is gained by a move") {
  for (const auto& actives : std::vector<std::vector<std::uint64_t>>{
           {1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {1, 1, 2}, {1, 0, 0}, {0, 0, 1}, {2, 1}, {0, 0}, {7}, {}}) {
    const auto balance = balance_of(with(actives));
    CHECK(balance.even);
    CHECK(balance.left == 0);
    CHECK(!balance.calls_for_moves(kThreshold));
  }
  CHECK(balance_of(with({2, 0})).left == 1);
  CHECK(balance_of(with({3, 0, 0})).left == 2);
  CHECK(balance_of(with({3, 1, 1})).even == false);  // 5 on 3: two, two and one
  CHECK(balance_of(with({3, 1, 1})).left == 1);
  // A session on a backend of little weight is more than its share, but nobody would be better off.
  CHECK(balance_of(std::vector<Share>{{.active = 10, .weight = 10}, {.active = 0, .weight = 1}}).left == 0);
}

TEST_CASE("nobody is given more than it has room for") {
  const std::vector<Share> shares = {{.active = 90}, {.active = 90}, {.active = 0, .room = 10}};
  CHECK(goals_of(shares) == std::vector<std::uint64_t>{85, 85, 10});
  CHECK(balance_of(shares).left == 10);

  SUBCASE("a full one is no reason for a rebalance") {
    const auto balance = balance_of(std::vector<Share>{{.active = 85}, {.active = 85}, {.active = 10, .room = 0}});
    CHECK(balance.spread == 0);
    CHECK(balance.even);
  }
  SUBCASE("a full one gives") {
    const auto balance = balance_of(std::vector<Share>{{.active = 90, .room = 0}, {.active = 0}});
    CHECK(balance.calls_for_moves(kThreshold));
    CHECK(balance.parts[0].gives == 45);
  }
  SUBCASE("all are full") {
    const auto balance = balance_of(std::vector<Share>{{.active = 90, .room = 0}, {.active = 10, .room = 0}});
    CHECK(!balance.calls_for_moves(kThreshold));
    CHECK(balance.left == 0);
  }
  SUBCASE("the others' mean is without it") {
    const auto balance = balance_of(std::vector<Share>{{.active = 60}, {.active = 50}, {.active = 10, .room = 0}});
    CHECK(balance.parts[0].gives == 5);
    CHECK(balance.parts[1].takes == 5);
    CHECK(!balance.even);
  }
}

// Whoever gives or takes, in whatever order: it comes to a fixed point in as many moves as it said, and no move makes
// anything worse on the way.
TEST_CASE("from any state it comes to a rest, and stays there") {
  std::mt19937 random(7);
  const auto up_to = [&](std::uint64_t most) { return std::uint64_t{random()} % (most + 1); };
  for (int round = 0; round < 4'000; ++round) {
    std::vector<Share> shares(1 + up_to(7));
    const std::uint64_t most = std::array<std::uint64_t, 4>{2, 6, 40, 400}[up_to(3)];
    for (Share& share : shares) {
      share.active = up_to(4) == 0 ? 0 : up_to(most);
      share.weight = round % 2 == 0 ? 10'000 : 1 + up_to(50'000);
      if (round % 5 == 0) share.room = up_to(most);
    }
    const auto before = balance_of(shares);
    std::uint64_t moves = 0;
    for (auto balance = before; balance.left > 0; balance = balance_of(shares)) {
      const auto loads = loads_of(shares);
      REQUIRE(moves < before.left);
      ++moves;
      move_one(shares, balance, random);
      CHECK(loads_of(shares) < loads);  // in the order of words: the largest counts first
      CHECK(balance_of(shares).left == balance.left - 1);
    }
    const auto at_rest = balance_of(shares);
    CHECK(at_rest.even);
    // No move to anybody below the mean would be a gain.
    double sessions = 0;
    double weights = 0;
    for (const Share& share : shares) {
      sessions += static_cast<double>(share.active);
      weights += static_cast<double>(share.weight);
    }
    for (const Share& from : shares) {
      for (const Share& to : shares) {
        if (&from == &to || from.active == 0 || to.room == 0 || load_of(to) >= sessions / weights) continue;
        const double after = static_cast<double>(to.active + 1) / static_cast<double>(to.weight);
        CHECK(after >= load_of(from) * (1 - 1e-9));
      }
    }
  }
}

TEST_CASE("of a pool, those count that are eligible or full") {
  const std::vector<std::shared_ptr<balancer::Backend>> backends = {
      make_backend("full", 1, 30), make_backend("down"),     make_backend("drained"),
      make_backend("ejected"),     make_backend("unproven"), make_backend("empty", 2)};
  backends[1]->set_probe(balancer::ProbeState::kDown);
  backends[2]->set_operator_state(balancer::OperatorState::kDrain);
  backends[3]->set_ejected(true);
  backends[4]->set_probe(balancer::ProbeState::kChecking);
  config::Pool settings;
  settings.name = "chat";
  settings.panic_threshold = 0;
  const auto on_full = hold(backends[0], 30);
  const auto on_down = hold(backends[1], 90);
  const balancer::Pool pool(settings, backends);
  const auto of_pool = balance_of(pool, kNow);
  REQUIRE(of_pool.backends.size() == 2);
  CHECK(of_pool.backends[0] == backends[0]);
  CHECK(of_pool.backends[1] == backends[5]);
  CHECK(of_pool.balance.parts[0].gives == 20);  // weights 1 and 2
  CHECK(of_pool.balance.parts[1].takes == 20);

  SUBCASE("a backend that starts slowly is given its share of now, unless keys have owners") {
    backends[5]->begin_slow_start(kNow - Milliseconds(5'000), Milliseconds(10'000));
    CHECK(balance_of(pool, kNow).balance.parts[1].goal < 20);
    settings.policy = "consistent_hash";
    CHECK(balance_of(balancer::Pool(settings, backends), kNow).balance.parts[1].goal == 20);
  }
  SUBCASE("health is ignored: nobody knows where a session would be better off") {
    settings.panic_threshold = 0.9;
    CHECK(balance_of(balancer::Pool(settings, backends), kNow).backends.empty());
  }
}

}  // namespace drover::migration
