// Draws: each once, by weight, the same for the same seed.
#include "balancer/sample.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace drover::balancer {

namespace {

// The first two of each round, over weights 1 : 2 : 3.
struct Drawn {
  std::map<std::size_t, int> first;
  std::map<std::pair<std::size_t, std::size_t>, int> both;
};

constexpr int kRounds = 60'000;

Drawn draw_pairs(std::uint64_t seed) {
  Sample sample(3, seed);
  Drawn drawn;
  for (int round = 0; round < kRounds; ++round) {
    sample.clear();
    sample.add(10, 1'000);
    sample.add(11, 2'000);
    sample.add(12, 3'000);
    const std::size_t first = sample.draw().value();
    ++drawn.first[first];
    ++drawn.both[{first, sample.draw().value()}];
  }
  return drawn;
}

}  // namespace

TEST_CASE("sample: nothing in it, nothing drawn") {
  Sample sample(3, 1);
  CHECK(!sample.draw());
  sample.add(5, 1);
  CHECK(sample.draw() == 5);
  CHECK(!sample.draw());
  sample.add(6, 1);
  sample.clear();
  CHECK(!sample.draw());
}

TEST_CASE("sample: each is drawn once, until there is none left") {
  Sample sample(20, 7);
  for (int round = 0; round < 200; ++round) {
    sample.clear();
    for (std::size_t i = 0; i < 20; ++i) sample.add(i, 1 + i * i);
    std::set<std::size_t> drawn;
    for (int i = 0; i < 20; ++i) REQUIRE(drawn.insert(sample.draw().value()).second);
    REQUIRE(*drawn.rbegin() == 19);
    REQUIRE(!sample.draw());
  }
}

TEST_CASE("sample: as often as the weights have it") {
  const Drawn drawn = draw_pairs(3);
  CHECK(drawn.first.at(10) == doctest::Approx(kRounds * 1 / 6).epsilon(0.02));
  CHECK(drawn.first.at(11) == doctest::Approx(kRounds * 2 / 6).epsilon(0.02));
  CHECK(drawn.first.at(12) == doctest::Approx(kRounds * 3 / 6).epsilon(0.02));
  // And the second as the weights of those that are left: 1/6 · 3/5, 2/6 · 1/4, 3/6 · 2/3.
  CHECK(drawn.both.at({10, 12}) == doctest::Approx(kRounds * 0.1).epsilon(0.03));
  CHECK(drawn.both.at({11, 10}) == doctest::Approx(kRounds / 12.0).epsilon(0.03));
  CHECK(drawn.both.at({12, 11}) == doctest::Approx(kRounds / 6.0 * 2).epsilon(0.03));
}

TEST_CASE("sample: a weight of 0 is never drawn") {
  Sample sample(3, 9);
  for (int round = 0; round < 1'000; ++round) {
    sample.clear();
    sample.add(0, 0);
    sample.add(1, 5);
    sample.add(2, 0);
    REQUIRE(sample.draw() == 1);
    REQUIRE(!sample.draw());
  }
}

TEST_CASE("sample: the same seed draws the same, another does not") {
  CHECK(draw_pairs(4).both == draw_pairs(4).both);
  CHECK(draw_pairs(4).both != draw_pairs(5).both);
}

}  // namespace drover::balancer
