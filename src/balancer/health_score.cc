// The backend with the best health score (balancer/score.h), of some that are drawn at random or of all.
#include <optional>
#include <vector>

#include "balancer/policy.h"
#include "balancer/sample.h"
#include "balancer/score.h"

namespace drover::balancer {

namespace {

// choices: auto, settled by the simulation (docs/balancing.md has the figures): the least uneven where reports are
// noisy or old, and a backend that loses its sessions at once, and so always looks idle, is given 2/n of what comes,
// not all.
constexpr unsigned kAutoChoices = 2;

class HealthScore final : public Policy {
 public:
  explicit HealthScore(const PolicySetup& setup)
      : settings_(setup.settings.score),
        choices_(setup.settings.choices.value_or(kAutoChoices)),
        backends_(setup.backends.begin(), setup.backends.end()),
        sample_(backends_.size(), setup.seed) {}

  std::shared_ptr<Backend> pick(const PickContext& context) override {
    Scoring scoring(settings_, context.now);
    sample_.clear();
    for (std::size_t i = 0; i < backends_.size(); ++i) {
      if (!context.eligible(*backends_[i])) continue;
      scoring.add(*backends_[i]);
      sample_.add(i, backends_[i]->effective_weight(context.now));
    }
    // Drawn in a random order, so that equals take turns.
    std::optional<std::size_t> best;
    double best_score = 0;
    for (unsigned drawn = 0; drawn < choices_; ++drawn) {
      const auto index = sample_.draw();
      if (!index) break;
      const double score = scoring.of(*backends_[*index]).total;
      if (best && score >= best_score) continue;
      best = index;
      best_score = score;
    }
    return best ? backends_[*best] : nullptr;
  }

 private:
  const config::Score settings_;
  const unsigned choices_;
  const std::vector<std::shared_ptr<Backend>> backends_;
  Sample sample_;
};

}  // namespace

std::unique_ptr<Policy> make_health_score(const PolicySetup& setup) {
  return std::make_unique<HealthScore>(setup);
}

}  // namespace drover::balancer
