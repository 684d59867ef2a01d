// Two lists of things that have identities: which are on both, which came, which are gone, and which were moved.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace drover::config {

struct Matching {
  // By index after: its index before; none: it was added.
  std::vector<std::optional<std::size_t>> partners;
  std::vector<std::size_t> gone;  // indices before, rising
  // Indices after, rising: as few as there can be without which those that are on both lists stand in the old order.
  std::vector<std::size_t> moved;
};

// Of several of one identity the first is taken to be the first again, and so on.
Matching match(const std::vector<std::string>& before, const std::vector<std::string>& after);

}  // namespace drover::config
