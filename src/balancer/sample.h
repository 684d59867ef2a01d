// Draws distinct backends at random, each in proportion to its weight: a uniform draw would send a backend of small
// weight as many sessions as its betters whenever two like it are drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace drover::balancer {

class Sample {
 public:
  // `most`: how many are added at most, so that nothing is allocated later.
  Sample(std::size_t most, std::uint64_t seed) : random_(seed) { entries_.reserve(most); }

  void clear() {
    entries_.clear();
    total_ = 0;
  }
  void add(std::size_t index, std::uint64_t weight) {
    entries_.push_back({index, weight});
    total_ += weight;
  }
  // One of those that were added and not drawn yet; none: there is none left.
  std::optional<std::size_t> draw() {
    if (total_ == 0) return std::nullopt;
    auto left = std::uniform_int_distribution<std::uint64_t>(0, total_ - 1)(random_);
    std::size_t place = 0;
    while (left >= entries_[place].weight) left -= entries_[place++].weight;
    const Entry drawn = entries_[place];
    entries_[place] = entries_.back();
    entries_.pop_back();
    total_ -= drawn.weight;
    return drawn.index;
  }

 private:
  struct Entry {
    std::size_t index;
    std::uint64_t weight;  // thousandths; above 0
  };
  std::vector<Entry> entries_;
  std::uint64_t total_ = 0;
  std::mt19937_64 random_;
};

}  // namespace drover::balancer
