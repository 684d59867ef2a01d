// How many claims there are, and when they come to an end.
#include "migration/quotas.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "balancer/lease.h"

namespace drover::migration {

namespace {

using Backend = std::shared_ptr<balancer::Backend>;

Backend make_backend(const std::string& name) {
  config::BackendSpec spec;
  spec.name = name;
  spec.address = {"10.0.0.1", 80, "10.0.0.1:80"};
  return std::make_shared<balancer::Backend>("chat", spec);
}

std::vector<balancer::Lease> hold(const Backend& backend, int sessions) {
  std::vector<balancer::Lease> leases;
  for (int i = 0; i < sessions; ++i) leases.push_back(balancer::Lease::take(backend));
  return leases;
}

PoolBalance seen(const std::vector<Backend>& backends) {
  std::vector<Share> shares;
  for (const auto& backend : backends) shares.push_back({.active = backend->active()});
  return {.backends = backends, .balance = balance_of(shares)};
}

}  // namespace

TEST_CASE("as many claims as there are sessions too many") {
  const auto full = make_backend("full");
  const auto empty = make_backend("empty");
  auto sessions = hold(full, 6);
  Quotas quotas({full}, {empty});
  CHECK(!quotas.take(0));  // nobody has said how many
  CHECK(!quotas.has_room());
  CHECK(quotas.set_goals(seen({full, empty})) == 3);
  CHECK(quotas.may_take(*empty));
  CHECK(!quotas.may_take(*full));

  std::vector<Quotas::Claim> claims;
  for (int i = 0; i < 3; ++i) {
    claims.push_back(quotas.take(0));
    CHECK(claims.back());
  }
  CHECK(!quotas.take(0));
  CHECK(!quotas.take(0));  // one that was not given takes none away

  SUBCASE("one that fails is given back") {
    claims.pop_back();
    CHECK(quotas.take(0));
  }
  SUBCASE("one that has gone is not") {
    sessions.pop_back();
    const auto there = hold(empty, 1);
    CHECK(!quotas.take(0));  // in the moment between the two
    claims.pop_back();
    CHECK(!quotas.take(0));
    CHECK(quotas.set_goals(seen({full, empty})) == 2);
    CHECK(!quotas.take(0));
  }
  SUBCASE("new goals count what is on its way") {
    for (auto& lease : hold(full, 2)) sessions.push_back(std::move(lease));
    CHECK(quotas.set_goals(seen({full, empty})) == 4);
    const auto one_more = quotas.take(0);
    CHECK(one_more);
    CHECK(!quotas.take(0));
  }
  SUBCASE("once closed nobody gives any more, until there are goals again") {
    claims.clear();
    quotas.close();
    CHECK(!quotas.take(0));
    quotas.set_goals(seen({full, empty}));
    CHECK(quotas.take(0));
  }
  SUBCASE("a backend that does not count any more neither gives nor takes") {
    claims.clear();
    CHECK(quotas.set_goals(seen({full})) == 0);
    CHECK(!quotas.may_take(*empty));
    CHECK(quotas.set_goals(seen({empty})) == 0);
    CHECK(!quotas.take(0));
  }
}

TEST_CASE("what is promised to one that takes is kept for it") {
  const auto full = make_backend("full");
  const auto fuller = make_backend("fuller");
  const auto empty = make_backend("empty");
  const auto some = make_backend("some");
  const auto sessions = hold(full, 8);
  const auto more = hold(fuller, 8);
  const auto on_some = hold(some, 2);
  Quotas quotas({full, fuller}, {empty, some});
  const std::vector<Backend> all = {full, fuller, empty, some};
  CHECK(quotas.set_goals(seen(all)) == 6);  // five, five, four and four
  std::vector<Quotas::Claim> claims;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < 6; ++i) {
    claims.push_back(quotas.take(i % 2));
    REQUIRE(claims.back());
    const auto backend = quotas.promise(claims.back());
    REQUIRE(backend != nullptr);
    names.push_back(backend->name());
  }
  CHECK(names[0] == "empty");  // it has the most room
  CHECK(names[1] == "empty");
  CHECK(std::ranges::count(names, "empty") == 4);
  CHECK(!quotas.has_room());
  claims.clear();
  CHECK(quotas.has_room());
}

TEST_CASE("workers together take no more than there are") {
  const auto full = make_backend("full");
  const auto empty = make_backend("empty");
  const auto sessions = hold(full, 2'000);
  Quotas quotas({full}, {empty});
  quotas.set_goals(seen({full, empty}));
  std::vector<std::vector<Quotas::Claim>> taken(4);
  std::vector<std::thread> workers;
  for (auto& claims : taken) {
    workers.emplace_back([&quotas, &claims] {
      for (int i = 0; i < 2'000; ++i) {
        if (auto claim = quotas.take(0)) claims.push_back(std::move(claim));
      }
    });
  }
  for (auto& worker : workers) worker.join();
  std::size_t all = 0;
  for (const auto& claims : taken) all += claims.size();
  CHECK(all == 1'000);
}

}  // namespace drover::migration
