// Which items of two lists are the same, and the fewest that have to move.
#include "config/matching.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

namespace drover::config {
namespace {

using Indices = std::vector<std::size_t>;
using Names = std::vector<std::string>;

Indices moved(const Names& before, const Names& after) {
  return match(before, after).moved;
}

// Whether what is on both lists, but for `moved`, stands in the old order.
bool in_order(const Matching& matching, const Indices& moved) {
  std::optional<std::size_t> last;
  for (std::size_t index = 0; index < matching.partners.size(); ++index) {
    if (!matching.partners[index] || std::ranges::find(moved, index) != moved.end()) continue;
    if (last && *last > *matching.partners[index]) return false;
    last = matching.partners[index];
  }
  return true;
}

// By trying every set: the least number of items to move.
std::size_t fewest(const Matching& matching) {
  const std::size_t count = matching.partners.size();
  std::size_t best = count;
  for (std::uint32_t set = 0; set < (1U << count); ++set) {
    Indices chosen;
    for (std::size_t index = 0; index < count; ++index)
      if ((set & (1U << index)) != 0) chosen.push_back(index);
    if (chosen.size() < best && in_order(matching, chosen)) best = chosen.size();
  }
  return best;
}

}  // namespace

TEST_CASE("what is on both lists, what came and what is gone") {
  const Matching matching = match({"a", "b", "c"}, {"x", "b", "y", "c"});
  CHECK(matching.partners == std::vector<std::optional<std::size_t>>{std::nullopt, 1, std::nullopt, 2});
  CHECK(matching.gone == Indices{0});
  CHECK(matching.moved.empty());
  CHECK(match({}, {}).partners.empty());
  CHECK(match({"a", "b"}, {}).gone == Indices{0, 1});
}

TEST_CASE("several of one identity are matched in their order") {
  const Matching matching = match({"a", "a", "b", "a"}, {"a", "b", "a"});
  CHECK(matching.partners == std::vector<std::optional<std::size_t>>{0, 2, 1});
  CHECK(matching.gone == Indices{3});
}

TEST_CASE("as few as can be have been moved") {
  CHECK(moved({"a", "b", "c", "d"}, {"a", "b", "c", "d"}).empty());
  CHECK(moved({"a", "b", "c", "d"}, {"d", "a", "b", "c"}) == Indices{0});
  CHECK(moved({"a", "b", "c", "d"}, {"b", "c", "d", "a"}) == Indices{3});
  CHECK(moved({"a", "b", "c", "d"}, {"x", "b", "y", "d", "z"}).empty());
  CHECK(moved({"a", "b"}, {"b", "a"}).size() == 1);
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Names before{"a", "b", "c", "d", "e", "f", "g"};
    Names after = before;
    std::ranges::shuffle(after, random);
    after.resize(after.size() - random() % 3);
    const Matching matching = match(before, after);
    CHECK(in_order(matching, matching.moved));
    CHECK(matching.moved.size() == fewest(matching));
  }
}

}  // namespace drover::config
