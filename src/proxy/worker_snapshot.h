// A snapshot as one worker uses it: with policies of its own, which remember what they have picked. A handshake keeps
// the one that it began with, so that a pool's place in it stays what it was. One thread, the worker's.
#pragma once

#include <memory>
#include <vector>

#include "balancer/policy.h"
#include "proxy/snapshot.h"

namespace drover::proxy {

class WorkerSnapshot {
 public:
  // `before`: the worker's last one, whose TLS sessions with backends are kept where it believes the same; null: none.
  WorkerSnapshot(std::shared_ptr<const Snapshot> snapshot, unsigned worker, const WorkerSnapshot* before);

  const Snapshot& shared() const { return *snapshot_; }
  // Of snapshot.pools[pool].
  balancer::Policy& policy(std::size_t pool) const { return *policies_[pool]; }
  net::TlsDialler& dialler() const { return *dialler_; }
  // What this worker counts for it; outlives the snapshot.
  observe::PoolCounters& counters(std::size_t pool) const { return *counters_[pool]; }

 private:
  std::shared_ptr<const Snapshot> snapshot_;  // the policies' settings are in it
  std::vector<std::unique_ptr<balancer::Policy>> policies_;
  std::vector<observe::PoolCounters*> counters_;
  std::shared_ptr<net::TlsDialler> dialler_;
};

}  // namespace drover::proxy
