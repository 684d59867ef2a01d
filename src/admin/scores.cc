// The two passes of balancer::Scoring.
#include "admin/scores.h"

namespace drover::admin {

std::vector<Scored> scored(const balancer::Pool& pool, balancer::Standard standard, MonotonicTime now) {
  std::vector<Scored> all;
  balancer::Scoring scoring(pool.settings().score, now);
  for (const auto& backend : pool.backends()) {
    auto& one = all.emplace_back(backend.get(), std::nullopt);
    if (!balancer::eligible(*backend, standard)) continue;
    scoring.add(*backend);
    one.score.emplace();  // what it is, the second pass says
  }
  for (auto& [backend, score] : all) {
    if (score) score = scoring.of(*backend);
  }
  return all;
}

}  // namespace drover::admin
