// Smooth weighted round robin: with weights 5, 1, 1 the order is a a b a c a a, not a a a a a b c. The rule as nginx
// has it: everybody earns their weight, the richest is picked and pays what all have earned.
#include <cstdint>
#include <vector>

#include "balancer/policy.h"

namespace drover::balancer {

namespace {

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(const PolicySetup& setup) {
    for (const auto& backend : setup.backends) entries_.push_back({backend, 0});
    const std::function<bool(const Backend&)> any = [](const Backend&) { return true; };
    const std::size_t skip = entries_.empty() ? 0 : setup.worker % entries_.size();
    for (std::size_t skipped = 0; skipped < skip; ++skipped) pick({.eligible = any, .now = {}, .key = {}});
  }

  std::shared_ptr<Backend> pick(const PickContext& context) override {
    Entry* richest = nullptr;
    std::int64_t earned = 0;
    for (auto& entry : entries_) {
      if (!context.eligible(*entry.backend)) continue;
      const auto weight = static_cast<std::int64_t>(entry.backend->effective_weight(context.now));
      entry.credit += weight;
      earned += weight;
      if (richest == nullptr || entry.credit > richest->credit) richest = &entry;
    }
    if (richest == nullptr) return nullptr;
    richest->credit -= earned;
    return richest->backend;
  }

 private:
  struct Entry {
    std::shared_ptr<Backend> backend;
    std::int64_t credit = 0;  // thousandths of a weight
  };
  std::vector<Entry> entries_;
};

}  // namespace

std::unique_ptr<Policy> make_round_robin(const PolicySetup& setup) {
  return std::make_unique<RoundRobin>(setup);
}

}  // namespace drover::balancer
