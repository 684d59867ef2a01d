// Smooth weighted round robin: with weights 5, 1, 1 the order is a a b a c a a, not a a a a a b c.
#pragma once

#include <cstdint>
#include <vector>

#include "balancer/policy.h"

namespace drover::balancer {

class RoundRobin final : public Policy {
 public:
  RoundRobin(Backends backends, unsigned worker);
  std::shared_ptr<Backend> pick(const PickContext& context) override;

 private:
  struct Entry {
    std::shared_ptr<Backend> backend;
    std::int64_t credit = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace drover::balancer
