// Looks at each pool that is to be rebalanced, once an interval, and begins a plan where its sessions lie too unevenly.
// One thread, the supervisor's.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "app/drains.h"
#include "app/workers.h"
#include "balancer/pool.h"
#include "net/loop.h"

namespace drover::app {

class Rebalancing final : net::TimerWheel::Node {
 public:
  // All outlive it.
  Rebalancing(net::Loop& loop, Workers& workers, Drains& drains, Drains::SnapshotNow snapshot);
  ~Rebalancing();
  Rebalancing(const Rebalancing&) = delete;
  Rebalancing& operator=(const Rebalancing&) = delete;

  // The configuration is another one, or the first: looks begin, an interval from now, or end.
  void adopt();

 private:
  void on_deadline() noexcept override;
  void arm();
  void look_at(const std::shared_ptr<const balancer::Pool>& pool);

  net::Loop& loop_;
  Workers& workers_;
  Drains& drains_;
  const Drains::SnapshotNow snapshot_;
  std::map<std::string, MonotonicTime, std::less<>> looks_;  // by pool: the next one
};

}  // namespace drover::app
