// Counting, a pass over the pool.
#include "balancer/eligibility.h"

#include <algorithm>

namespace drover::balancer {

Standard standard_of(Backends backends, double panic_threshold) {
  std::size_t judged = 0;
  std::size_t healthy = 0;
  std::size_t checking = 0;
  for (const auto& backend : backends) {
    if (!backend->open()) continue;
    const ProbeState probe = backend->probe();
    if (probe == ProbeState::kChecking) {
      ++checking;
      continue;
    }
    ++judged;
    if (probe == ProbeState::kUp && !backend->ejected()) ++healthy;
  }
  if (healthy == 0 && checking > 0) return Standard::kUnproven;
  constexpr double kRounding = 1e-6;  // of a share that is no binary fraction
  const bool panic = static_cast<double>(healthy) < panic_threshold * static_cast<double>(judged) - kRounding;
  return panic ? Standard::kPanic : Standard::kProven;
}

bool healthy(const Backend& backend, Standard standard) {
  if (!backend.open()) return false;
  if (standard == Standard::kPanic) return true;
  if (backend.ejected()) return false;
  const ProbeState probe = backend.probe();
  return probe == ProbeState::kUp || (standard == Standard::kUnproven && probe == ProbeState::kChecking);
}

bool eligible(const Backend& backend, Standard standard) {
  return !backend.full() && healthy(backend, standard);
}

std::size_t count_eligible(Backends backends) {
  const Standard standard = standard_of(backends, 0);
  return static_cast<std::size_t>(
      std::ranges::count_if(backends, [standard](const auto& backend) { return eligible(*backend, standard); }));
}

}  // namespace drover::balancer
