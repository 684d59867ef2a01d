// A policy yields successive candidates: the caller asks again, with what it has tried made ineligible, until it is
// content or there is none. One policy object a worker and pool, so none of them needs a lock. A policy is a file of
// its own, NAME.cc, and a line in config/policy_names.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "balancer/backend.h"
#include "balancer/eligibility.h"
#include "base/clock.h"
#include "config/config.h"
#include "config/policy_names.h"

namespace drover::balancer {

struct PickContext {
  // What the caller allows: not tried yet, healthy, not full, and whatever else it knows.
  const std::function<bool(const Backend&)>& eligible;
  MonotonicTime now;
  // For a policy that hashes: hash_of() of what it goes by; none: the request does not have it.
  std::optional<std::uint64_t> key;
};

class Policy {
 public:
  virtual ~Policy() = default;
  // The best eligible backend; null: none. Takes no lease. No allocation: it is called at each handshake.
  virtual std::shared_ptr<Backend> pick(const PickContext& context) = 0;
  // Whose the key is, however many sessions that one has. Null: the policy gives keys no owners, or there is no key.
  virtual std::shared_ptr<Backend> owner(const PickContext&) { return nullptr; }
};

struct PolicySetup {
  // Outlive the policy.
  const config::Pool& settings;
  Backends backends;
  unsigned worker = 0;     // sets workers' starting points apart, so that they do not all begin with the same backend
  std::uint64_t seed = 0;  // of what a policy draws at random
};

// settings.policy, which is a name of policy_names.h.
std::unique_ptr<Policy> make_policy(const PolicySetup& setup);

// Of a session's key under consistent_hash. The same on every machine and in every version.
std::uint64_t hash_of(std::string_view key);

#define DROVER_DECLARE_POLICY(name) std::unique_ptr<Policy> make_##name(const PolicySetup& setup);
DROVER_POLICIES(DROVER_DECLARE_POLICY)
#undef DROVER_DECLARE_POLICY

}  // namespace drover::balancer
