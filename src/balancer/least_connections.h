// The backend with the fewest active sessions for its weight; equals take turns.
#pragma once

#include <vector>

#include "balancer/policy.h"

namespace drover::balancer {

class LeastConnections final : public Policy {
 public:
  LeastConnections(Backends backends, unsigned worker);
  std::shared_ptr<Backend> pick(const PickContext& context) override;

 private:
  std::vector<std::shared_ptr<Backend>> backends_;
  std::size_t first_ = 0;  // where the next search begins
};

}  // namespace drover::balancer
