// The rule as nginx has it: everybody earns their weight, the richest is picked and pays what all have earned.
#include "balancer/round_robin.h"

namespace drover::balancer {

RoundRobin::RoundRobin(Backends backends, unsigned worker) {
  for (const auto& backend : backends) entries_.push_back({backend, 0});
  const std::function<bool(const Backend&)> any = [](const Backend&) { return true; };
  for (std::size_t skipped = 0; !entries_.empty() && skipped < worker % entries_.size(); ++skipped) pick({any});
}

std::shared_ptr<Backend> RoundRobin::pick(const PickContext& context) {
  Entry* richest = nullptr;
  std::int64_t earned = 0;
  for (auto& entry : entries_) {
    if (!context.eligible(*entry.backend)) continue;
    const auto weight = static_cast<std::int64_t>(entry.backend->weight());
    entry.credit += weight;
    earned += weight;
    if (richest == nullptr || entry.credit > richest->credit) richest = &entry;
  }
  if (richest == nullptr) return nullptr;
  richest->credit -= earned;
  return richest->backend;
}

}  // namespace drover::balancer
