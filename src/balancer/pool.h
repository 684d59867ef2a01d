// A named set of backends and how they are used. Immutable once built; shared by all threads.
#pragma once

#include <map>
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
  // Those that are spoken to over TLS, and how. Not the backends' own: a reload may change it while they go on.
  using Tls = std::map<const Backend*, config::BackendTls>;

  Pool(config::Pool settings, std::vector<std::shared_ptr<Backend>> backends, Tls tls = {})
      : settings_(std::move(settings)), backends_(std::move(backends)), tls_(std::move(tls)) {}

  const std::string& name() const { return settings_.name; }
  const config::Pool& settings() const { return settings_; }
  Backends backends() const { return backends_; }
  // Of one of them. Null: it is spoken to in plain.
  const config::BackendTls* tls_of(const Backend& backend) const {
    const auto found = tls_.find(&backend);
    return found == tls_.end() ? nullptr : &found->second;
  }
  Standard standard() const { return standard_of(backends_, settings_.panic_threshold); }
  // The pool must outlive it.
  std::unique_ptr<Policy> make_policy(unsigned worker, std::uint64_t seed) const {
    return balancer::make_policy({.settings = settings_, .backends = backends_, .worker = worker, .seed = seed});
  }

 private:
  const config::Pool settings_;
  const std::vector<std::shared_ptr<Backend>> backends_;
  const Tls tls_;
};

}  // namespace drover::balancer
