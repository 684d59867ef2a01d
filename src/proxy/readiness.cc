// The first obstacle found is the one that is told.
#include "proxy/readiness.h"

namespace drover::proxy {

std::string obstacle(Phase phase, std::span<const std::shared_ptr<const balancer::Pool>> pools) {
  switch (phase) {
    case Phase::kStarting: return "not listening";
    case Phase::kShuttingDown: return "shutting down";
    case Phase::kServing: break;
  }
  bool any = false;
  for (const auto& pool : pools) {
    const bool has_some = balancer::count_eligible(pool->backends()) > 0;
    if (!has_some && pool->settings().required) {
      return "pool '" + pool->name() + "' is required and has no eligible backend";
    }
    any = any || has_some;
  }
  return any ? "" : "no pool has an eligible backend";
}

}  // namespace drover::proxy
