// Which backends stay in their pools for a while although the configuration does not have them any more: those that a
// reload removed from a pool to which it added others, until these are up. Pure: it is told the time and the pools.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "balancer/pool.h"
#include "base/clock.h"
#include "proxy/snapshot.h"

namespace drover::app {

class Handovers {
 public:
  using Pools = std::vector<std::shared_ptr<const balancer::Pool>>;

  // A reload. `before` were the pools, with those that stayed then; `wanted` are those of the new configuration alone.
  // Who stays already goes on waiting as long as it had to.
  void reload(const Pools& before, const Pools& wanted, const proxy::Addresses& names, MonotonicTime until);
  // The addresses of names have changed, and with them the pools: those that stay wait for what has come, too.
  void note_names(const Pools& before, const Pools& wanted, const proxy::Addresses& names);
  // Whether somebody has stayed for long enough, or nobody is waited for any more: those are forgotten.
  bool settle(MonotonicTime now);

  // What a snapshot has to have beyond the configuration.
  proxy::StayingByPool staying() const;
  bool empty() const { return by_pool_.empty(); }

 private:
  struct Guest {
    proxy::Staying who;
    MonotonicTime until;
  };
  struct Handover {
    std::vector<Guest> guests;  // never empty
    std::set<std::shared_ptr<balancer::Backend>> awaited;
    std::set<std::string> awaited_names;  // that nothing is known of yet
  };
  static void drop_the_wanted(Handover& handover, const balancer::Pool& wanted, const proxy::Addresses& names);

  std::map<std::string, Handover> by_pool_;
};

}  // namespace drover::app
