// `active` is live and shared by all workers, so the choice is made on what is true now.
#include "balancer/least_connections.h"

#include <cstdint>

namespace drover::balancer {

LeastConnections::LeastConnections(Backends backends, unsigned worker)
    : backends_(backends.begin(), backends.end()), first_(backends.empty() ? 0 : worker % backends.size()) {}

std::shared_ptr<Backend> LeastConnections::pick(const PickContext& context) {
  const std::shared_ptr<Backend>* best = nullptr;
  std::size_t best_index = 0;
  for (std::size_t i = 0; i < backends_.size(); ++i) {
    const std::size_t index = (first_ + i) % backends_.size();
    const auto& candidate = backends_[index];
    if (!context.eligible(*candidate)) continue;
    // (active + 1) / weight, compared by cross-multiplying: exact, no division. The session to come counts, so that of
    // two idle backends the heavier one is first.
    if (best != nullptr && (std::uint64_t{candidate->active()} + 1) * (*best)->weight() >=
                               (std::uint64_t{(*best)->active()} + 1) * candidate->weight()) {
      continue;
    }
    best = &candidate;
    best_index = index;
  }
  if (best == nullptr) return nullptr;
  first_ = (best_index + 1) % backends_.size();
  return *best;
}

}  // namespace drover::balancer
