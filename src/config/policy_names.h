// The balancing policies. A new one is a line here and a file of its own, src/balancer/NAME.cc, which defines
// make_NAME() (balancer/policy.h).
#pragma once

#define DROVER_POLICIES(POLICY) \
  POLICY(health_score)          \
  POLICY(least_connections)     \
  POLICY(round_robin)           \
  POLICY(random_two)            \
  POLICY(consistent_hash)
