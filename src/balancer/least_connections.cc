// The backend with the fewest active sessions for its weight; equals take turns. `active` is live and shared by all
// workers, so the choice is made on what is true now.
#include <cstdint>
#include <vector>

#include "balancer/policy.h"

namespace drover::balancer {

namespace {

class LeastConnections final : public Policy {
 public:
  explicit LeastConnections(const PolicySetup& setup)
      : backends_(setup.backends.begin(), setup.backends.end()),
        first_(backends_.empty() ? 0 : setup.worker % backends_.size()) {}

  std::shared_ptr<Backend> pick(const PickContext& context) override {
    const std::shared_ptr<Backend>* best = nullptr;
    std::uint64_t best_active = 0;
    std::uint64_t best_weight = 1;
    std::size_t best_index = 0;
    for (std::size_t i = 0; i < backends_.size(); ++i) {
      const std::size_t index = (first_ + i) % backends_.size();
      const auto& candidate = backends_[index];
      if (!context.eligible(*candidate)) continue;
      // (active + 1) / weight, compared by cross-multiplying: exact, no division. The session to come counts, so that
      // of two idle backends the heavier one is first.
      const std::uint64_t active = std::uint64_t{candidate->active()} + 1;
      const std::uint64_t weight = candidate->effective_weight(context.now);
      if (best != nullptr && active * best_weight >= best_active * weight) continue;
      best = &candidate;
      best_active = active;
      best_weight = weight;
      best_index = index;
    }
    if (best == nullptr) return nullptr;
    first_ = (best_index + 1) % backends_.size();
    return *best;
  }

 private:
  const std::vector<std::shared_ptr<Backend>> backends_;
  std::size_t first_ = 0;  // where the next search begins
};

}  // namespace

std::unique_ptr<Policy> make_least_connections(const PolicySetup& setup) {
  return std::make_unique<LeastConnections>(setup);
}

}  // namespace drover::balancer
