// A named set of backends and how they are used. Immutable once built; shared by all threads.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "balancer/backend.h"
#include "balancer/eligibility.h"
#include "balancer/policy.h"
#include "config/config.h"

namespace drover::balancer {

class Pool {
 public:
  Pool(config::Pool settings, std::vector<std::shared_ptr<Backend>> backends)
      : settings_(std::move(settings)), backends_(std::move(backends)) {}

  const std::string& name() const { return settings_.name; }
  const config::Pool& settings() const { return settings_; }
  Backends backends() const { return backends_; }
  Standard standard() const { return standard_of(backends_, settings_.panic_threshold); }
  // The pool must outlive it.
  std::unique_ptr<Policy> make_policy(unsigned worker, std::uint64_t seed) const {
    return balancer::make_policy({.settings = settings_, .backends = backends_, .worker = worker, .seed = seed});
  }

 private:
  const config::Pool settings_;
  const std::vector<std::shared_ptr<Backend>> backends_;
};

}  // namespace drover::balancer
