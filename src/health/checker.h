// Looks after the backends of all pools: a Watch for each, who may be ejected, and what the operator is told of a pool
// as a whole. One thread, the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "balancer/pool.h"
#include "health/watch.h"
#include "net/loop.h"
#include "net/tls_dialler.h"

namespace drover::health {

using Pools = std::vector<std::shared_ptr<const balancer::Pool>>;

class Checker {
 public:
  // `dialler`: the loop's, for backends with TLS; outlives the checker. `first_phase`: 0 … 1, so that several Drovers
  // do not look at the same moments.
  Checker(net::Loop& loop, net::TlsDialler& dialler, double first_phase)
      : loop_(loop), dialler_(dialler), first_phase_(first_phase) {}

  // From now on these. Backends that were watched before go on being so, by what their pool says now; the first call's
  // count as there from the start.
  void watch(const Pools& pools);
  // Called when a backend's agent says `drain`, which it did not before.
  void call_when_agent_drains(std::function<void(const std::shared_ptr<balancer::Backend>&)> callee) {
    on_agent_drain_ = std::move(callee);
  }
  // The same, when its probes have found a backend down, or its agent has said so.
  void call_when_down(std::function<void(const std::shared_ptr<balancer::Backend>&)> callee) {
    on_down_ = std::move(callee);
  }
  // Sessions fail on it, as often in a row as ejection.failures says. Never more than max_ejected_percent of a pool,
  // and never the last that is eligible, are ejected.
  void consider_ejection(const std::shared_ptr<balancer::Backend>& backend);

 private:
  struct WatchedPool {
    std::shared_ptr<const balancer::Pool> pool;
    bool has_healthy = true;
    bool in_panic = false;
  };

  void begin(const std::shared_ptr<const balancer::Pool>& pool, const std::shared_ptr<balancer::Backend>& backend,
             MonotonicTime first);
  // Logs what has changed about a pool as a whole.
  void judge(const std::string& name);
  // "pool default: 0 of 2 backends up; 127.0.0.1:9001: connection refused".
  std::string summary_of(const balancer::Pool& pool) const;

  net::Loop& loop_;
  net::TlsDialler& dialler_;
  const double first_phase_;
  std::function<void(const std::shared_ptr<balancer::Backend>&)> on_agent_drain_;
  std::function<void(const std::shared_ptr<balancer::Backend>&)> on_down_;
  Watch::Arrival arrival_ = Watch::Arrival::kAtStart;
  std::uint64_t added_ = 0;
  std::map<std::string, WatchedPool> pools_;
  std::map<const balancer::Backend*, std::unique_ptr<Watch>> watches_;
};

}  // namespace drover::health
