// A policy yields successive candidates: the caller asks again, with what it has tried made ineligible, until it is
// content or there is none. One policy object a worker and pool, so none of them needs a lock.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "balancer/backend.h"
#include "config/config.h"

namespace drover::balancer {

using Backends = std::span<const std::shared_ptr<Backend>>;

struct PickContext {
  // What the caller allows: not tried yet, not full, and whatever else it knows.
  const std::function<bool(const Backend&)>& eligible;
};

class Policy {
 public:
  virtual ~Policy() = default;
  // The best eligible backend; null: none. Takes no lease.
  virtual std::shared_ptr<Backend> pick(const PickContext& context) = 0;
};

// `worker` sets workers' starting points apart, so that they do not all begin with the same backend.
std::unique_ptr<Policy> make_policy(config::PolicyKind kind, Backends backends, unsigned worker);

}  // namespace drover::balancer
