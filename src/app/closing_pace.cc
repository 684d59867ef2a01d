// The arithmetic of a paced shutdown.
#include "app/closing_pace.h"

#include <algorithm>
#include <chrono>

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

}  // namespace drover::app
