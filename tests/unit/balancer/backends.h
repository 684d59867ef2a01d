// Backends for the tests of this folder, and a policy that places sessions on them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "balancer/backend.h"
#include "balancer/lease.h"
#include "balancer/policy.h"
#include "balancer/pool.h"

namespace drover::balancer {

inline constexpr MonotonicTime kNow{Milliseconds(1'000'000)};

inline std::shared_ptr<Backend> make_backend(std::string name, unsigned weight = 1, std::uint32_t max_connections = 0) {
  config::BackendSpec spec;
  spec.name = std::move(name);
  spec.address = {.host = "127.0.0.1", .port = 1, .text = "127.0.0.1:1"};
  spec.weight = weight;
  spec.max_connections = max_connections;
  return std::make_shared<Backend>("pool", std::move(spec));
}

// Names "a", "b", … of these weights.
inline std::vector<std::shared_ptr<Backend>> weighing(const std::vector<unsigned>& weights) {
  std::vector<std::shared_ptr<Backend>> backends;
  for (const unsigned weight : weights) {
    backends.push_back(make_backend(std::string(1, static_cast<char>('a' + backends.size())), weight));
  }
  return backends;
}

// So many sessions on it, as long as the result lives.
inline std::vector<Lease> hold(const std::shared_ptr<Backend>& backend, int sessions) {
  std::vector<Lease> leases;
  for (int i = 0; i < sessions; ++i) leases.push_back(Lease::take(backend));
  return leases;
}

using Eligible = std::function<bool(const Backend&)>;
inline const Eligible kAny = [](const Backend&) { return true; };

#define DROVER_POLICY_NAME(name) #name,
inline const std::vector<std::string> kPolicyNames = {DROVER_POLICIES(DROVER_POLICY_NAME)};
#undef DROVER_POLICY_NAME

inline config::Pool settings_of(std::string policy) {
  config::Pool settings;
  settings.name = "pool";
  settings.policy = std::move(policy);
  return settings;
}

// One policy over some backends, and the sessions that it has placed.
class Placement {
 public:
  using Counts = std::map<std::string, int>;
  using Key = std::optional<std::uint64_t>;

  Placement(config::Pool settings, std::vector<std::shared_ptr<Backend>> backends, unsigned worker = 0,
            std::uint64_t seed = 1)
      : pool_(std::move(settings), std::move(backends)), policy_(pool_.make_policy(worker, seed)) {}
  Placement(const std::string& policy, std::vector<std::shared_ptr<Backend>> backends, unsigned worker = 0,
            std::uint64_t seed = 1)
      : Placement(settings_of(policy), std::move(backends), worker, seed) {}

  // The name of the backend; empty: none.
  std::string pick(Key key = {}, const Eligible& eligible = kAny, MonotonicTime now = kNow) {
    const auto picked = policy_->pick({.eligible = eligible, .now = now, .key = key});
    return picked ? picked->name() : "";
  }
  // The same for whose the key is.
  std::string owner(Key key, const Eligible& eligible = kAny) {
    const auto owner = policy_->owner({.eligible = eligible, .now = kNow, .key = key});
    return owner ? owner->name() : "";
  }
  // Of so many picks, none of which becomes a session.
  Counts pick_many(int times) {
    Counts counts;
    for (int i = 0; i < times; ++i) ++counts[pick()];
    return counts;
  }
  std::string picks(int times) {
    std::string names;
    for (int i = 0; i < times; ++i) names += pick();
    return names;
  }
  // Picks and holds.
  std::string place(Key key = {}, const Eligible& eligible = kAny, MonotonicTime now = kNow) {
    leases_.push_back(Lease::take(policy_->pick({.eligible = eligible, .now = now, .key = key})));
    return leases_.back().backend().name();
  }
  void place_many(int sessions, MonotonicTime now = kNow) {
    for (int i = 0; i < sessions; ++i) place({}, kAny, now);
  }
  std::vector<Lease>& leases() { return leases_; }
  const Backend& backend(std::size_t index) const { return *pool_.backends()[index]; }
  Backends backends() const { return pool_.backends(); }

 private:
  const Pool pool_;
  const std::unique_ptr<Policy> policy_;
  std::vector<Lease> leases_;
};

}  // namespace drover::balancer
