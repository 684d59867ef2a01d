// All backends as the main thread sees them: their names' addresses, their health, and the snapshot that the workers go
// by, which changes when a name's addresses do. One thread, the supervisor's.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "balancer/registry.h"
#include "base/error.h"
#include "config/config.h"
#include "health/checker.h"
#include "health/name_book.h"
#include "net/loop.h"
#include "proxy/snapshot.h"

namespace drover::app {

class Fleet {
 public:
  // `trusts` has those of all backends. `on_change` is called with every snapshot after the first. Everything outlives
  // the fleet.
  Fleet(net::Loop& loop, const config::Config& config, unsigned workers, std::shared_ptr<const net::TlsTrusts> trusts,
        std::function<void(std::shared_ptr<const proxy::Snapshot>)> on_change);

  // Once, before the loop runs. Asks for the names, for kPatience at most: a name that nobody knows yet is no reason
  // not to start. Error: kConfiguration, where there can be no resolver.
  Result<void> start();
  static constexpr Milliseconds kPatience{5'000};

  const std::shared_ptr<const proxy::Snapshot>& snapshot() const { return snapshot_; }
  // What is counted for the pools; its counters outlive every snapshot.
  observe::Ledger& ledger() { return ledger_; }
  // Probing begins.
  void begin_checks();
  // Sessions fail on it; see health::Checker.
  void consider_ejection(const std::shared_ptr<balancer::Backend>& backend) { checker_.consider_ejection(backend); }

 private:
  std::shared_ptr<const proxy::Snapshot> make_snapshot();
  void rebuild();

  net::Loop& loop_;
  const config::Config& config_;
  const std::function<void(std::shared_ptr<const proxy::Snapshot>)> on_change_;
  net::TlsDialler dialler_;  // for probes
  balancer::Registry registry_;
  observe::Ledger ledger_;
  std::shared_ptr<const migration::TokenKeys> token_keys_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  health::Checker checker_;
  std::optional<health::NameBook> names_;
};

// How many descriptors probes, agents and DNS may take at once.
std::uint64_t descriptors_for_checks(const config::Config& config);

}  // namespace drover::app
