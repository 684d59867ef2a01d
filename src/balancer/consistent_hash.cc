// A key's sessions go to the backend that owns it: rooms and tenants are sharded. Weighted rendezvous hashing (Thaler
// and Ravishankar 1998; weights as in Schindelhauer and Schomaker 2005): a backend that leaves moves only its own keys,
// and needs no table. With bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): whoever has `bound` times its fair
// share is passed over for the key's next backend.
#include <cmath>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "balancer/policy.h"

namespace drover::balancer {

namespace {

// The finalizer of MurmurHash3: of values, not of bytes in memory, so that the byte order of the machine is no matter.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 33U)) * 0xff51afd7ed558ccdULL;
  value = (value ^ (value >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33U);
}

class ConsistentHash final : public Policy {
 public:
  explicit ConsistentHash(const PolicySetup& setup) : bound_(setup.settings.consistent_hash.bound) {
    // By name: a backend that moves to another address keeps its keys.
    for (const auto& backend : setup.backends) entries_.push_back({backend, hash_of(backend->name())});
  }

  std::shared_ptr<Backend> pick(const PickContext& context) override {
    double sessions = 1;  // that which is to come
    double weights = 0;
    for (const auto& entry : entries_) {
      if (!context.eligible(*entry.backend)) continue;
      sessions += entry.backend->active();
      weights += entry.backend->weight();
    }
    const Entry* best = nullptr;
    double best_distance = 0;
    bool best_is_full = false;
    for (const auto& entry : entries_) {
      if (!context.eligible(*entry.backend)) continue;
      // Slow start and what an agent says of weights do not count: a key that moved away for a while would split its
      // room.
      const double weight = entry.backend->weight();
      const double most = std::ceil(bound_ * sessions * weight / weights);
      const double load = static_cast<double>(entry.backend->active()) + 1;
      // Not all of them can be full, but sessions of other workers come between the two looks.
      const bool full = context.key && load > most;
      const double distance = context.key ? distance_of(*context.key, entry, weight) : load / weight;
      if (best != nullptr && std::pair(full, distance) >= std::pair(best_is_full, best_distance)) continue;
      best = &entry;
      best_distance = distance;
      best_is_full = full;
    }
    return best == nullptr ? nullptr : best->backend;
  }

  std::shared_ptr<Backend> owner(const PickContext& context) override {
    const Entry* best = nullptr;
    double best_distance = 0;
    for (const auto& entry : entries_) {
      if (!context.key || !context.eligible(*entry.backend)) continue;
      const double distance = distance_of(*context.key, entry, entry.backend->weight());
      if (best != nullptr && distance >= best_distance) continue;
      best = &entry;
      best_distance = distance;
    }
    return best == nullptr ? nullptr : best->backend;
  }

 private:
  struct Entry {
    std::shared_ptr<Backend> backend;
    std::uint64_t seed;
  };

  // Exponentially distributed with the rate `weight`: the least of several is each backend's as often as its weight has
  // it.
  static double distance_of(std::uint64_t key, const Entry& entry, double weight) {
    constexpr double kSteps = 0x1p-53;
    const double uniform = (static_cast<double>(mixed(key ^ entry.seed) >> 11U) + 0.5) * kSteps;  // above 0, below 1
    return -std::log(uniform) / weight;
  }

  const double bound_;
  std::vector<Entry> entries_;
};

}  // namespace

std::uint64_t hash_of(std::string_view key) {
  return XXH3_64bits(key.data(), key.size());
}

std::unique_ptr<Policy> make_consistent_hash(const PolicySetup& setup) {
  return std::make_unique<ConsistentHash>(setup);
}

}  // namespace drover::balancer
