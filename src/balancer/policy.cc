// The one place that knows every policy: a new one is a file of its own and a line here.
#include "balancer/policy.h"

#include "balancer/least_connections.h"
#include "balancer/round_robin.h"

namespace drover::balancer {

std::unique_ptr<Policy> make_policy(config::PolicyKind kind, Backends backends, unsigned worker) {
  switch (kind) {
    case config::PolicyKind::kRoundRobin: return std::make_unique<RoundRobin>(backends, worker);
    case config::PolicyKind::kLeastConnections: return std::make_unique<LeastConnections>(backends, worker);
  }
  return nullptr;
}

}  // namespace drover::balancer
