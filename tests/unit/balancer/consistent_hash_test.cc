// consistent_hash: a key's backend is the same for everybody, few keys move, and nobody has more than the bound.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>
#include <string>

#include "backends.h"

namespace drover::balancer {

namespace {

using Made = std::vector<std::shared_ptr<Backend>>;

constexpr double kUnbounded = 1e9;

config::Pool bounded(double bound) {
  auto settings = settings_of("consistent_hash");
  settings.consistent_hash.bound = bound;
  return settings;
}

std::uint64_t key_of(int number) {
  return hash_of("room-" + std::to_string(number));
}

std::vector<std::string> owners(Placement& placement, int keys, const Eligible& eligible = kAny) {
  std::vector<std::string> found;
  for (int i = 0; i < keys; ++i) found.push_back(placement.pick(key_of(i), eligible));
  return found;
}

std::vector<std::string> owners(const Made& backends, int keys) {
  Placement placement(bounded(kUnbounded), backends);
  return owners(placement, keys);
}

Eligible without(const std::string& name) {
  return [name](const Backend& backend) { return backend.name() != name; };
}

// How many of the keys whose owner was not `gone` have another now.
int moved(const std::vector<std::string>& before, const std::vector<std::string>& after, const std::string& gone) {
  int count = 0;
  for (std::size_t i = 0; i < before.size(); ++i) count += before[i] != after[i] && before[i] != gone ? 1 : 0;
  return count;
}

}  // namespace

// XXH3 with 64 bits and the seed 0: the first value is the one that its authors publish.
TEST_CASE("hash_of is the same in every version") {
  CHECK(hash_of("") == 0x2d06800538d394c2);
  CHECK(hash_of("room-42") == 0x2ea629c2e1bc856b);
  CHECK(hash_of("192.0.2.7") == 0xe2e4f5294e60473d);
  CHECK(hash_of("a key that is longer than sixteen bytes, and than XXH3's first cases") == 0x1357fe0d65779fe9);
}

TEST_CASE("consistent hash: who owns a key is the same in every version") {
  const auto found = owners(Made{make_backend("web-1"), make_backend("web-2", 2), make_backend("web-3")}, 12);
  std::string digits;
  for (const auto& name : found) digits += name.back();
  CHECK(digits == "232113322331");
}

TEST_CASE("consistent hash: a key has one backend, whatever object, worker, seed and order") {
  const Made backends = weighing({1, 2, 3, 1, 1});
  const auto expected = owners(backends, 500);
  CHECK(std::set(expected.begin(), expected.end()).size() == 5);
  Placement again(bounded(1.25), backends, 3, 77);
  CHECK(owners(again, 500) == expected);
  CHECK(owners(again, 500) == expected);
  CHECK(owners({backends[4], backends[2], backends[0], backends[3], backends[1]}, 500) == expected);
}

TEST_CASE("consistent hash: an owner is known by its name, not by its address") {
  config::BackendSpec spec;
  spec.name = "b";
  spec.address = {.host = "10.9.9.9", .port = 9, .text = "10.9.9.9:9"};
  const Made backends = weighing({1, 1, 1});
  const auto expected = owners(backends, 200);
  CHECK(owners({backends[0], std::make_shared<Backend>("pool", spec), backends[2]}, 200) == expected);
}

TEST_CASE("consistent hash: keys are shared by weight, 1 : 2 : 3 within 2 %") {
  constexpr int kKeys = 100'000;
  Placement::Counts counts;
  for (const auto& name : owners(weighing({1, 2, 3}), kKeys)) ++counts[name];
  CHECK(counts["a"] == doctest::Approx(kKeys * 1 / 6).epsilon(0.02));
  CHECK(counts["b"] == doctest::Approx(kKeys * 2 / 6).epsilon(0.02));
  CHECK(counts["c"] == doctest::Approx(kKeys * 3 / 6).epsilon(0.02));
}

TEST_CASE("consistent hash: who leaves moves its own keys only, and gets them back") {
  Placement placement(bounded(kUnbounded), weighing({1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  constexpr int kKeys = 10'000;
  const auto before = owners(placement, kKeys);
  for (const std::string gone : {"a", "e", "j"}) {
    const auto after = owners(placement, kKeys, without(gone));
    CHECK(moved(before, after, gone) == 0);
    CHECK(std::ranges::count(after, gone) == 0);
    // And they go to all that are left: a ninth each.
    Placement::Counts heirs;
    for (std::size_t i = 0; i < before.size(); ++i) heirs[after[i]] += before[i] == gone ? 1 : 0;
    CHECK(heirs.size() == 9);
    for (const auto& [name, keys] : heirs) CHECK(keys == doctest::Approx(kKeys / 90.0).epsilon(0.35));
  }
  CHECK(owners(placement, kKeys) == before);
}

TEST_CASE("consistent hash: a heavier weight takes keys from the others, and gives none to them") {
  const auto before = owners(weighing({1, 1, 1}), 3'000);
  const auto after = owners(weighing({1, 2, 1}), 3'000);
  int taken = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == after[i]) continue;
    REQUIRE(after[i] == "b");
    ++taken;
  }
  CHECK(taken == doctest::Approx(3'000 * (0.5 - 1 / 3.0)).epsilon(0.1));
}

TEST_CASE("consistent hash: slow start and the agent's percentage split no room") {
  const Made backends = weighing({1, 1, 1});
  const auto before = owners(backends, 300);
  backends[0]->begin_slow_start(kNow, Milliseconds(10'000));
  backends[1]->set_weight_percent(10);
  CHECK(owners(backends, 300) == before);
}

TEST_CASE("consistent hash: with the bound, a backend that leaves moves at most 1.2 times what it had") {
  for (const int sessions : {1'000, 1'500, 2'000}) {
    for (const std::string gone : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}) {
      CAPTURE(sessions);
      CAPTURE(gone);
      Placement placement(bounded(1.25), weighing({1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
      for (int i = 0; i < sessions; ++i) placement.place(key_of(i));
      const auto before = owners(placement, sessions);
      // Its sessions end, and come again to the others.
      auto& leases = placement.leases();
      for (int i = 0; i < sessions; ++i) {
        const auto index = static_cast<std::size_t>(i);
        if (leases[index].backend().name() != gone) continue;
        leases[index].give_back();
        placement.place(key_of(i), without(gone));
        std::swap(leases[index], leases.back());
        leases.pop_back();
      }
      const auto own = std::ranges::count(before, gone);
      const auto others = moved(before, owners(placement, sessions, without(gone)), gone);
      CHECK(static_cast<double>(own + others) <= 1.2 * static_cast<double>(own));
    }
  }
}

TEST_CASE("consistent hash: nobody ever has more than the bound, whatever the keys") {
  std::mt19937 random(11);
  for (const double bound : {1.0, 1.25, 2.0}) {
    for (const int keys : {1, 3, 1'000'000}) {
      CAPTURE(bound);
      CAPTURE(keys);
      const Made backends = weighing({1, 2, 3, 4});
      Placement placement(bounded(bound), backends);
      auto& leases = placement.leases();
      for (int step = 0; step < 3'000; ++step) {
        if (random() % 3 == 0 && !leases.empty()) {
          std::swap(leases[random() % leases.size()], leases.back());
          leases.pop_back();
          continue;
        }
        placement.place(key_of(static_cast<int>(random() % static_cast<unsigned>(keys))));
        const Backend& picked = leases.back().backend();
        const auto total = static_cast<double>(leases.size());  // the new one included
        REQUIRE(picked.active() <= std::ceil(bound * total * picked.weight() / 10));
      }
    }
  }
}

TEST_CASE("consistent hash: one key's sessions fill its backends in their order, and return with the room") {
  const Made backends = weighing({1, 1, 1, 1});
  Placement placement(bounded(1.25), backends);
  const std::string owner = placement.pick(key_of(1));
  const std::string heir = placement.pick(key_of(1), without(owner));
  for (int i = 0; i < 400; ++i) placement.place(key_of(1));
  Placement::Counts counts;
  for (const auto& backend : backends) counts[backend->name()] = static_cast<int>(backend->active());
  CHECK(counts[owner] == 125);  // 1.25 · 400 / 4
  CHECK(counts[heir] == 125);
  // At the bound it is passed over, and as soon as one of its sessions has ended it is not any more.
  REQUIRE(placement.pick(key_of(1)) == owner);  // ceil(1.25 · 401 / 4) = 126
  placement.place(key_of(1));
  REQUIRE(placement.pick(key_of(1)) != owner);  // 127 > ceil(1.25 · 402 / 4) = 126
  auto& leases = placement.leases();
  leases.erase(std::ranges::find_if(leases, [&](const Lease& lease) { return lease.backend().name() == owner; }));
  CHECK(placement.pick(key_of(1)) == owner);
}

TEST_CASE("consistent hash: the fair share is of those that are eligible") {
  const Made backends = weighing({1, 1, 1, 1});
  Placement placement(bounded(1.0), backends);
  const Eligible two = [](const Backend& backend) { return backend.name() == "a" || backend.name() == "c"; };
  const auto d = hold(backends[3], 1'000);
  for (int i = 0; i < 100; ++i) placement.place(key_of(i), two);
  CHECK(backends[0]->active() == 50);
  CHECK(backends[2]->active() == 50);
}

TEST_CASE("consistent hash: without a key, the least loaded for its weight") {
  const Made backends = weighing({1, 2, 4});
  Placement placement(bounded(1.25), backends);
  placement.place_many(70);
  CHECK(backends[0]->active() == 10);
  CHECK(backends[1]->active() == 20);
  CHECK(backends[2]->active() == 40);
  const auto c = hold(backends[2], 40);
  const auto b = hold(backends[1], 1);
  CHECK(placement.pick() == "a");
}

TEST_CASE("a key's owner is the same however full it is") {
  const auto backends = weighing({1, 2, 3});
  Placement placement(bounded(1), backends);
  const auto before = owners(backends, 100);  // unbounded: the policy sends each key to its owner
  std::vector<Lease> held;
  for (const auto& backend : backends) {
    for (auto& lease : hold(backend, backend == backends[2] ? 500 : 10)) held.push_back(std::move(lease));
  }
  int passed_over = 0;
  for (int i = 0; i < 100; ++i) {
    const auto& owner = before[static_cast<std::size_t>(i)];
    CHECK(placement.owner(key_of(i)) == owner);
    CHECK(placement.owner(key_of(i), without(owner)) != owner);
    passed_over += placement.pick(key_of(i)) != owner ? 1 : 0;
  }
  CHECK(passed_over > 0);
  CHECK(placement.owner({}).empty());
}

TEST_CASE("other policies give keys no owners") {
  for (const auto& name : kPolicyNames) {
    Placement placement(name, weighing({1, 1}));
    CHECK(placement.owner(key_of(1)).empty() == (name != "consistent_hash"));
  }
}

}  // namespace drover::balancer
