// The policies that go by turns or by the sessions that are active: round_robin, least_connections, random_two.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "backends.h"

namespace drover::balancer {

TEST_CASE("round robin: weights 1:2:3 are exact over every six picks") {
  Placement placement("round_robin", weighing({1, 2, 3}));
  for (int cycle = 0; cycle < 1000; ++cycle) {
    REQUIRE(placement.pick_many(6) == Placement::Counts{{"a", 1}, {"b", 2}, {"c", 3}});
  }
}

TEST_CASE("round robin is smooth: the heavy one does not come in one block") {
  CHECK(Placement("round_robin", weighing({5, 1, 1})).picks(14) == "aabacaaaabacaa");
}

TEST_CASE("round robin: whom one worker leaves out does not save up") {
  Placement placement("round_robin", weighing({1, 1, 1}));
  const Eligible without_c = [](const Backend& backend) { return backend.name() != "c"; };
  for (int i = 0; i < 100; ++i) placement.pick({}, without_c);
  CHECK(placement.pick_many(9) == Placement::Counts{{"a", 3}, {"b", 3}, {"c", 3}});
}

TEST_CASE("least connections: the fewest for the weight") {
  Placement placement("least_connections", weighing({1, 2, 4}));
  placement.place_many(70);
  CHECK(placement.backend(0).active() == 10);
  CHECK(placement.backend(1).active() == 20);
  CHECK(placement.backend(2).active() == 40);
}

TEST_CASE("least connections is exact where a division would not be") {
  // (active + 1) / weight: 334/1000 against 1/3; the first is larger by 0.0007, and integers alone call them equal.
  const auto backends = weighing({1000, 3});
  auto leases = hold(backends[0], 333);
  CHECK(Placement("least_connections", backends).pick() == "b");
  leases.pop_back();  // 333/1000 against 1/3
  CHECK(Placement("least_connections", backends, 1).pick() == "a");
}

TEST_CASE("least connections agrees with a naive model under random coming and going") {
  std::mt19937 random(5);
  const auto backends = weighing({1, 3, 7, 1000});
  Placement placement("least_connections", backends);
  auto& leases = placement.leases();
  constexpr std::uint64_t kMultiple = 21'000;  // of every weight: exact
  const auto load = [](const Backend& backend, std::uint64_t sessions) {
    return sessions * kMultiple / backend.weight();
  };
  for (int step = 0; step < 5000; ++step) {
    if (random() % 5 < 2 && !leases.empty()) {
      std::swap(leases[random() % leases.size()], leases.back());
      leases.pop_back();
      continue;
    }
    placement.place();
    const Backend& picked = leases.back().backend();
    for (const auto& other : backends) {
      if (other.get() == &picked) continue;
      REQUIRE(load(picked, picked.active()) <= load(*other, other->active() + 1));
    }
  }
}

TEST_CASE("least connections: equals take turns") {
  CHECK(Placement("least_connections", weighing({1, 1, 1})).picks(6) == "abcabc");
}

TEST_CASE("least connections: idle, the heaviest, always") {
  CHECK(Placement("least_connections", weighing({5, 1, 1})).picks(3) == "aaa");
}

TEST_CASE("random two: of two the one with fewer sessions for its weight, always") {
  const auto backends = weighing({1, 3});
  Placement placement("random_two", backends);
  const auto b = hold(backends[1], 4);  // (4 + 1) / 3 against (0 + 1) / 1
  CHECK(placement.pick_many(200) == Placement::Counts{{"a", 200}});
  const auto a = hold(backends[0], 1);  // against 2 / 1
  CHECK(placement.pick_many(200) == Placement::Counts{{"b", 200}});
}

TEST_CASE("random two: the worst of several is picked by nobody, the best twice as often as by chance") {
  const auto backends = weighing({1, 1, 1, 1});
  const auto b = hold(backends[1], 1);
  const auto c = hold(backends[2], 2);
  const auto d = hold(backends[3], 3);
  constexpr int kPicks = 12'000;
  auto counts = Placement("random_two", backends).pick_many(kPicks);
  // Of six pairs a is the lighter of three, b of two, c of one.
  CHECK(counts["a"] == doctest::Approx(kPicks * 3 / 6).epsilon(0.03));
  CHECK(counts["b"] == doctest::Approx(kPicks * 2 / 6).epsilon(0.03));
  CHECK(counts["c"] == doctest::Approx(kPicks * 1 / 6).epsilon(0.05));
  CHECK(counts["d"] == 0);
}

TEST_CASE("random two: one that is eligible needs no second") {
  Placement placement("random_two", weighing({1, 1, 1}));
  const Eligible only_b = [](const Backend& backend) { return backend.name() == "b"; };
  for (int i = 0; i < 20; ++i) CHECK(placement.pick({}, only_b) == "b");
}

}  // namespace drover::balancer
