// A reload: everything that may fail first, then what cannot. A failure leaves all as it was.
#include <utility>

#include "app/config_hash.h"
#include "app/log_settings.h"
#include "app/supervisor.h"
#include "app/systemd_notify.h"

namespace drover::app {

// A burst of signals is one reload, and one more where some come while it is at it: the last file counts.
void Supervisor::reload_soon() {
  if (std::exchange(reload_pending_, true)) return;
  loop_.post([this] {
    reload_pending_ = false;
    reload("SIGHUP");
  });
}

admin::Source::Reloaded Supervisor::reload(std::string_view cause) {
  const bool serves = phase_ == Phase::kServing;
  if (serves) systemd_notify_reloading();
  auto done = try_reload();
  for (const auto& warning : done.warnings) log::warn("reload_warning", {{"warning", warning}});
  for (const auto& error : done.errors) log::error("reload_refused", {{"cause", cause}, {"error", error}});
  for (const auto& change : done.changes) log::info("reload_change", {{"change", change}});
  last_reload_successful_ = done.errors.empty();
  if (done.errors.empty()) {
    const std::string_view event = done.changes.empty() ? "reload_unchanged" : "reloaded";
    log::info(event, {{"cause", cause}, {"changes", done.changes.size()}, {"hash", config_hash_}});
  }
  if (serves) tell_systemd_that_it_serves();
  return done;
}

admin::Source::Reloaded Supervisor::try_reload() {
  admin::Source::Reloaded done;
  if (phase_ != Phase::kServing) {
    done.errors.emplace_back("Drover is shutting down");
    return done;
  }
  if (in_force_.file.empty()) {
    done.errors.emplace_back("there is no configuration file to read: --demo has none");
    return done;
  }
  auto candidate = read_candidate(in_force_.file, in_force_, in_force_.ticket_keys);
  done.warnings = std::move(candidate.warnings);
  done.errors = std::move(candidate.errors);
  if (!done.errors.empty() || candidate.changes.empty()) return done;
  auto change = prepare(std::move(candidate.setup));
  if (!change) {
    done.errors.push_back(in_force_.file + ": error: " + change.error().detail);
    return done;
  }
  commit(*std::move(change));
  done.changes = std::move(candidate.changes);
  return done;
}

Result<Supervisor::Change> Supervisor::prepare(Setup setup) {
  const auto& config = setup.config;
  auto listeners = listeners_->plan(config, setup.tls);
  if (!listeners) return std::unexpected(listeners.error());
  const auto budget = proxy::descriptor_budget(workers_->count(), listeners->size(), descriptors_for_checks(config));
  const auto connections = proxy::most_connections(config.limits, budget);
  if (!connections) return std::unexpected(connections.error());
  auto admin = admin_->plan(config);
  if (!admin) return std::unexpected(admin.error());
  auto resolver = fleet_->resolver_for(config);
  if (!resolver) return std::unexpected(resolver.error());
  auto log = log::prepare(log_settings(config.log));
  if (!log) return std::unexpected(log.error());
  return Change{.setup = std::move(setup),
                .budget = budget,
                .max_connections = *connections,
                .listeners = *std::move(listeners),
                .admin = *std::move(admin),
                .resolver = *std::move(resolver),
                .log = *std::move(log)};
}

// Where sessions may go before who may come: a new listener's first one finds its route.
void Supervisor::commit(Change change) {
  in_force_ = std::move(change.setup);
  config_hash_ = config_hash(config());
  log::apply(std::move(change.log));
  set_limits(change.budget, change.max_connections);
  fleet_->adopt(config(), in_force_.tls.trusts, std::move(change.resolver));
  drains_->remember(config());
  rebalancing_->adopt();
  listeners_->adopt(std::move(change.listeners));
  admin_->adopt(std::move(change.admin));
  certificates_.emplace(loop_, in_force_.tls.certificates());
}

}  // namespace drover::app
