// What stays in its place is a longest rising sequence, found by patience sorting.
#include "config/matching.h"

#include <algorithm>
#include <unordered_map>

namespace drover::config {
namespace {

// By index after: whether it is one of a longest sequence of partners that rises.
std::vector<bool> find_still(const std::vector<std::optional<std::size_t>>& partners) {
  std::vector<std::size_t> ends;  // of the best sequence of each length (less 1): the index after of its last
  std::vector<std::optional<std::size_t>> previous(partners.size());
  for (std::size_t index = 0; index < partners.size(); ++index) {
    if (!partners[index]) continue;
    const auto place =
        std::ranges::lower_bound(ends, partners[index], {}, [&](std::size_t end) { return partners[end]; });
    if (place != ends.begin()) previous[index] = *(place - 1);
    if (place == ends.end()) {
      ends.push_back(index);
    } else {
      *place = index;
    }
  }
  std::vector<bool> still(partners.size());
  std::optional<std::size_t> index;
  if (!ends.empty()) index = ends.back();
  for (; index; index = previous[*index]) still[*index] = true;
  return still;
}

}  // namespace

Matching match(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::unordered_map<std::string, std::vector<std::size_t>> unmatched;  // identity → indices before, falling
  for (std::size_t index = before.size(); index-- > 0;) unmatched[before[index]].push_back(index);
  Matching result;
  for (const std::string& identity : after) {
    const auto found = unmatched.find(identity);
    auto& partner = result.partners.emplace_back();
    if (found == unmatched.end() || found->second.empty()) continue;
    partner = found->second.back();
    found->second.pop_back();
  }
  for (const auto& [identity, indices] : unmatched)
    result.gone.insert(result.gone.end(), indices.begin(), indices.end());
  std::ranges::sort(result.gone);
  const std::vector<bool> still = find_still(result.partners);
  for (std::size_t index = 0; index < still.size(); ++index)
    if (result.partners[index] && !still[index]) result.moved.push_back(index);
  return result;
}

}  // namespace drover::config
