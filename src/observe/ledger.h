// The counters of all pools, by name. A pool's are made when it is first heard of and never go: sessions outlive the
// configuration that named their pool, and a counter that began anew would be a lie. One thread, the supervisor's; the
// counters themselves are the workers'.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "observe/pool_counters.h"

namespace drover::observe {

class PoolLedger {
 public:
  explicit PoolLedger(unsigned workers) : counters_(std::make_unique<PoolCounters[]>(workers)), workers_(workers) {}

  // What worker `index` counts; that worker writes it.
  PoolCounters& of_worker(unsigned index) { return counters_[index]; }
  // The sum over all workers of what `read` takes from each.
  template <class Read>
  std::uint64_t sum(Read read) const {
    std::uint64_t total = 0;
    for (unsigned worker = 0; worker < workers_; ++worker)
      total += read(static_cast<const PoolCounters&>(counters_[worker]));
    return total;
  }

 private:
  const std::unique_ptr<PoolCounters[]> counters_;
  const unsigned workers_;
};

class Ledger {
 public:
  explicit Ledger(unsigned workers) : workers_(workers), no_pool_(workers) {}

  // Lives as long as the ledger.
  PoolLedger& of_pool(const std::string& name) {
    auto& place = pools_[name];
    if (place == nullptr) place = std::make_unique<PoolLedger>(workers_);
    return *place;
  }
  // For what never came to a pool.
  PoolLedger& no_pool() { return no_pool_; }

  // By name, that of no_pool() is empty.
  void for_each(const std::function<void(std::string_view name, const PoolLedger& ledger)>& visit) const {
    visit({}, no_pool_);
    for (const auto& [name, ledger] : pools_) visit(name, *ledger);
  }

 private:
  const unsigned workers_;
  PoolLedger no_pool_;
  std::map<std::string, std::unique_ptr<PoolLedger>> pools_;
};

}  // namespace drover::observe
