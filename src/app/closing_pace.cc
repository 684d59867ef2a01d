// The arithmetic of a paced shutdown.
#include "app/closing_pace.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace drover::app {

Milliseconds closing_grace(Milliseconds deadline) {
  return std::min(Milliseconds(std::chrono::seconds(10)), deadline / 2);
}

double closing_pace(std::optional<double> configured, std::uint64_t sessions, Milliseconds deadline) {
  if (configured) return *configured;
  const std::chrono::duration<double> window = deadline - closing_grace(deadline);
  if (window.count() <= 0) return std::max(kLeastAutoPace, static_cast<double>(sessions));
  return std::max(kLeastAutoPace, static_cast<double>(sessions) / window.count());
}

std::vector<double> shares_of(double pace, std::span<const std::uint64_t> sessions) {
  const auto all = std::accumulate(sessions.begin(), sessions.end(), std::uint64_t{0}) + sessions.size();
  std::vector<double> shares;
  shares.reserve(sessions.size());
  for (const auto count : sessions) {
    shares.push_back(pace * static_cast<double>(count + 1) / static_cast<double>(all));
  }
  return shares;
}

}  // namespace drover::app
