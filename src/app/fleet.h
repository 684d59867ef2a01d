// All backends as the main thread sees them: their names' addresses, their health, and the snapshot that the workers go
// by, which changes when a name's addresses do, and with a reload. One thread, the supervisor's.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "app/handovers.h"
#include "balancer/registry.h"
#include "base/error.h"
#include "config/config.h"
#include "health/checker.h"
#include "health/name_book.h"
#include "migration/drain_view.h"
#include "net/loop.h"
#include "proxy/snapshot.h"

namespace drover::app {

class Fleet final : net::TimerWheel::Node {
 public:
  // `trusts` has those of all backends. `on_change` is called with every snapshot after the first. The loop outlives
  // the fleet.
  Fleet(net::Loop& loop, config::Config config, unsigned workers, std::shared_ptr<const net::TlsTrusts> trusts,
        std::function<void(std::shared_ptr<const proxy::Snapshot>)> on_change);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Called when backends leave the snapshot, once the workers know, or are drained by their agent, with why: kReload,
  // kDns or kAgent. They get no new session any more; the sessions that they have are the callee's business.
  using OnLeaving =
      std::function<void(std::vector<std::shared_ptr<balancer::Backend>> backends, migration::Cause cause)>;
  void call_when_leaving(OnLeaving on_leaving);

  // Called when a backend is down whose sessions are to move then (`on_down: move`).
  void call_when_lost(std::function<void(const std::shared_ptr<balancer::Backend>&)> on_lost);

  // Once, before the loop runs. Asks for the names, for kPatience at most: a name that nobody knows yet is no reason
  // not to start. Error: kConfiguration, where there can be no resolver.
  Result<void> start();
  static constexpr Milliseconds kPatience{5'000};

  const std::shared_ptr<const proxy::Snapshot>& snapshot() const { return snapshot_; }
  // What is counted for the pools; its counters outlive every snapshot.
  observe::Ledger& ledger() { return ledger_; }
  // Probing begins.
  void begin_checks();
  // What may fail of a change to `config`: whom to ask for names, where that is somebody else than now. Null: it is
  // not. Error: kConfiguration.
  Result<std::unique_ptr<health::Resolver>> resolver_for(const config::Config& config);
  // A reload. Backends that both configurations have keep their states, counts and history. Removed ones leave at once,
  // but where their pool has got others: then they stay as they are until these are up, for config.reload_wait at most.
  void adopt(const config::Config& config, std::shared_ptr<const net::TlsTrusts> trusts,
             std::unique_ptr<health::Resolver> resolver);
  // Sessions fail on it; see health::Checker.
  void consider_ejection(const std::shared_ptr<balancer::Backend>& backend) { checker_.consider_ejection(backend); }

 private:
  using Addresses = proxy::Addresses;
  std::shared_ptr<const proxy::Snapshot> make_snapshot(const proxy::StayingByPool& staying);
  Addresses addresses() const { return names_ ? names_->addresses() : Addresses(); }
  std::shared_ptr<const net::TlsTrusts> trusts_with(const proxy::StayingByPool& staying);
  void keep_names(std::unique_ptr<health::Resolver> resolver);
  void rebuild();
  void replace_snapshot(migration::Cause cause);
  void on_deadline() noexcept override;
  void settle_soon();

  net::Loop& loop_;
  config::Config config_;
  std::shared_ptr<const net::TlsTrusts> trusts_;  // of config_
  const std::function<void(std::shared_ptr<const proxy::Snapshot>)> on_change_;
  net::TlsDialler dialler_;  // for probes
  balancer::Registry registry_;
  observe::Ledger ledger_;
  std::shared_ptr<const migration::TokenKeys> token_keys_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  Handovers handovers_;
  OnLeaving on_leaving_;
  health::Checker checker_;
  std::optional<health::NameBook> names_;
};

// How many descriptors probes, agents and DNS may take at once.
std::uint64_t descriptors_for_checks(const config::Config& config);

}  // namespace drover::app
