// Of two backends drawn at random the one with fewer active sessions for its weight (Mitzenmacher, "The Power of Two
// Choices in Randomized Load Balancing", 1996): several Drovers, none of which knows of the others' sessions, do not
// all fall upon the same backend.
#include <vector>

#include "balancer/policy.h"
#include "balancer/sample.h"

namespace drover::balancer {

namespace {

class RandomTwo final : public Policy {
 public:
  explicit RandomTwo(const PolicySetup& setup)
      : backends_(setup.backends.begin(), setup.backends.end()), sample_(backends_.size(), setup.seed) {}

  std::shared_ptr<Backend> pick(const PickContext& context) override {
    sample_.clear();
    for (std::size_t i = 0; i < backends_.size(); ++i) {
      if (context.eligible(*backends_[i])) sample_.add(i, backends_[i]->effective_weight(context.now));
    }
    const auto first = sample_.draw();
    if (!first) return nullptr;
    const auto second = sample_.draw();
    if (!second) return backends_[*first];
    const auto load = [&](std::size_t of, std::size_t against) {
      return (std::uint64_t{backends_[of]->active()} + 1) * backends_[against]->effective_weight(context.now);
    };
    return backends_[load(*first, *second) <= load(*second, *first) ? *first : *second];
  }

 private:
  const std::vector<std::shared_ptr<Backend>> backends_;
  Sample sample_;
};

}  // namespace

std::unique_ptr<Policy> make_random_two(const PolicySetup& setup) {
  return std::make_unique<RandomTwo>(setup);
}

}  // namespace drover::balancer
