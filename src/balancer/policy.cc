// Names to policies.
#include "balancer/policy.h"

#include <array>
#include <cassert>
#include <string_view>

namespace drover::balancer {

namespace {

struct Named {
  std::string_view name;
  std::unique_ptr<Policy> (*make)(const PolicySetup&);
};

#define DROVER_NAMED_POLICY(name) Named{#name, make_##name},
constexpr std::array kPolicies = {DROVER_POLICIES(DROVER_NAMED_POLICY)};
#undef DROVER_NAMED_POLICY

}  // namespace

std::unique_ptr<Policy> make_policy(const PolicySetup& setup) {
  for (const auto& policy : kPolicies) {
    if (policy.name == setup.settings.policy) return policy.make(setup);
  }
  assert(false && "the configuration knows the names");
  return nullptr;
}

}  // namespace drover::balancer
