// Start-up, signals, shutdown.
#include "app/supervisor.h"

#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>

#include "app/config_hash.h"
#include "app/systemd_notify.h"
#include "app/version.h"
#include "app/workers_count.h"
#include "base/log.h"
#include "config/load.h"

namespace drover::app {

namespace {

unsigned workers_wanted(const config::Config& config) {
  if (config.workers) return *config.workers;
  return workers_for(cpus_in_affinity_mask(), cgroup_cpu_quota());
}

// From here on nobody looks at signals: whoever sends one more does not want to wait for the rest.
void exit_on_signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGALRM}) {
    static_cast<void>(std::signal(signal, [](int) { ::_exit(static_cast<int>(ExitCode::kForced)); }));
  }
}

}  // namespace

Supervisor::Supervisor(Setup setup) : in_force_(std::move(setup)), config_hash_(config_hash(config())) {}

Supervisor::~Supervisor() {
  loop_.wheel().disarm(*this);
}

Result<void> Supervisor::start() {
  const unsigned workers = workers_wanted(config());
  fleet_ = std::make_unique<Fleet>(loop_, config(), workers, in_force_.tls.trusts,
                                   [this](const auto& next) { workers_->adopt(next); });
  if (auto started = fleet_->start(); !started) return started;
  if (auto listening = listen(workers); !listening) return listening;
  // The signals before the threads: from `ready` on every one of them has its meaning.
  signals_ = std::make_unique<net::Signals>(loop_, std::initializer_list{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1},
                                            [this](int signal) { on_signal(signal); });
  workers_->start();
  fleet_->begin_checks();
  rebalancing_->adopt();
  certificates_.emplace(loop_, in_force_.tls.certificates());
  phase_ = Phase::kServing;
  admission_->set_phase(proxy::Phase::kServing);
  log::info("ready", {{"workers", workers}, {"version", version()}, {"pid", ::getpid()}});
  tell_systemd_that_it_serves();
  return {};
}

Result<void> Supervisor::listen(unsigned workers) {
  const auto on_failing = [this](const std::shared_ptr<balancer::Backend>& backend) {
    loop_.post([this, backend] { fleet_->consider_ejection(backend); });
  };
  admission_ = std::make_unique<proxy::Admission>(0);
  workers_ = std::make_unique<Workers>(workers, *admission_, fleet_->ledger(), fleet_->snapshot(), on_failing);
  sessions_.emplace(loop_, *workers_);
  drains_.emplace(loop_, *workers_, *admission_, [this] { return fleet_->snapshot(); });
  drains_->remember(config());
  rebalancing_.emplace(loop_, *workers_, *drains_, [this] { return fleet_->snapshot(); });
  fleet_->call_when_leaving([this](const auto& backends, auto cause) { drains_->begin(backends, cause); });
  fleet_->call_when_lost([this](const auto& backend) { workers_->rescue_from(backend); });
  listeners_.emplace(loop_, *workers_, in_force_.page);
  auto plan = listeners_->plan(config(), in_force_.tls);
  if (!plan) return std::unexpected(plan.error());
  const auto budget = proxy::descriptor_budget(workers, plan->size(), descriptors_for_checks(config()));
  const auto connections = proxy::most_connections(config().limits, budget);
  if (!connections) return std::unexpected(connections.error());
  listeners_->adopt(*std::move(plan));
  set_limits(budget, *connections);
  admin_.emplace(loop_, admin_source());
  auto admin = admin_->plan(config());
  if (!admin) return std::unexpected(admin.error());
  admin_->adopt(*std::move(admin));
  return {};
}

void Supervisor::set_limits(const proxy::DescriptorBudget& budget, std::uint32_t connections) {
  descriptors_ = budget.limit;
  if (connections == admission_->max_connections()) return;
  admission_->set_max_connections(connections);
  log::info("limits", {{"max_connections", connections}, {"descriptors", budget.limit}, {"reserve", budget.reserve}});
}

admin::Source Supervisor::admin_source() {
  return {.status = [this] { return status(); },
          .pools = [this] { return fleet_->snapshot()->pools; },
          .measures = [this] { return measures(); },
          .config = [this] { return config::to_json(config()); },
          .list_sessions = [this](const auto& query, auto done) { sessions_->list(query, std::move(done)); },
          .find_session = [this](const auto& id, auto done) { sessions_->find(id, std::move(done)); },
          .close_session = [this](const auto& id, auto done) { sessions_->close(id, std::move(done)); },
          .set_operator_state = [](auto& backend, auto state, const auto&) { backend.set_operator_state(state); },
          .drain = [this](const auto& request, const auto& peer,
                          auto done) { drains_->ask(request, peer, std::move(done)); },
          .drains = [this] { return drains_->views(); },
          .cancel_drain = [this](const auto& id, const auto& peer) { return drains_->cancel(id, peer); },
          .freeze =
              [this](auto frozen, const auto& peer) {
                if (frozen == admin::Source::Frozen::kYes) return drains_->freeze(peer);
                drains_->unfreeze(peer);
              },
          .frozen = [this] { return drains_->frozen() ? admin::Source::Frozen::kYes : admin::Source::Frozen::kNo; },
          .reload = [this](const std::string& peer) { return reload("admin " + peer); },
          .shut_down =
              [this] {
                if (phase_ == Phase::kServing) begin_shutdown("admin");
              }};
}

void Supervisor::ask(std::function<void(const admin::Source&)> task) {
  loop_.post([this, task = std::move(task)] { task(admin_source()); });
}

admin::Measures Supervisor::measures() {
  admin::Measures measures{.ledger = fleet_->ledger(),
                           .workers = {},
                           .config_hash = config_hash_,
                           .last_reload_successful = last_reload_successful_};
  for (unsigned index = 0; index < workers_->count(); ++index) {
    const proxy::Worker& worker = workers_->worker(index);
    measures.workers.push_back({worker.counters(), worker.loop().lag(), worker.loop().tls_counts()});
  }
  return measures;
}

admin::Status Supervisor::status() const {
  admin::Status status;
  status.version = version();
  status.uptime = std::chrono::duration_cast<std::chrono::seconds>(monotonic_now() - started_);
  status.started = started_by_wall_clock_;
  status.obstacle = proxy::obstacle(admission_->phase(), fleet_->snapshot()->pools);
  status.active_connections = admission_->active();
  status.max_connections = admission_->max_connections();
  if (phase_ == Phase::kDraining) status.drain_left = admission_->active();
  status.descriptors_used = admin::open_descriptors();
  status.descriptors_limit = descriptors_;
  for (unsigned index = 0; index < workers_->count(); ++index) {
    const net::Loop& loop = std::as_const(*workers_).worker(index).loop();
    status.buffered_bytes += loop.waiting_bytes();
    status.paused_relays += loop.held_back().read();
  }
  status.resident_bytes = admin::resident_bytes();
  status.log_lines_dropped = log::dropped_lines();
  for (const auto& pool : fleet_->snapshot()->pools) {
    status.pools.push_back({.name = pool->name(),
                            .backends = pool->backends().size(),
                            .eligible = balancer::count_eligible(pool->backends()),
                            .required = pool->settings().required});
  }
  for (const auto& certificate : in_force_.tls.certificates()) {
    status.certificates.push_back({certificate->file(), certificate->not_after()});
  }
  return status;
}

// Also after a reload: sd_notify(3) wants READY=1 behind RELOADING=1, whatever came of it.
void Supervisor::tell_systemd_that_it_serves() const {
  std::string status = std::string(version()) + ", serving on";
  for (const auto& address : listeners_->addresses()) status += " " + address.text();
  if (!last_reload_successful_) status += "; the last reload was refused";
  systemd_notify("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=" + status);
}

ExitCode Supervisor::run() {
  loop_.run();
  take_down();
  return exit_code_;
}

void Supervisor::on_signal(int signal) {
  switch (signal) {
    case SIGHUP: return reload_soon();
    case SIGUSR1: return log::reopen();
    default: return phase_ == Phase::kServing ? begin_shutdown(net::signal_name(signal)) : force(signal);
  }
}

void Supervisor::begin_shutdown(std::string_view cause) {
  stopping_since_ = monotonic_now();
  admission_->set_phase(proxy::Phase::kShuttingDown);
  log::info("stopping", {{"cause", cause},
                         {"connections", admission_->active()},
                         {"announce_ms", config().shutdown.announce.count()},
                         {"deadline_ms", config().shutdown.deadline.count()}});
  systemd_notify("STOPPING=1\nSTATUS=shutting down, " + std::to_string(admission_->active()) + " connections are open");
  if (config().shutdown.announce == Milliseconds(0)) return begin_drain();
  phase_ = Phase::kAnnouncing;
  loop_.arm(*this, loop_.now() + config().shutdown.announce);
}

void Supervisor::begin_drain() {
  phase_ = Phase::kDraining;
  loop_.arm(*this, monotonic_now() + config().shutdown.deadline);
  drains_->shut_down(config().shutdown, [this] { loop_.post([this] { end(ExitCode::kOk); }); });
}

void Supervisor::on_deadline() noexcept {
  if (phase_ == Phase::kAnnouncing) return begin_drain();
  if (phase_ != Phase::kDraining) return;
  forced_sessions_ = admission_->active();
  end(ExitCode::kOk);
}

void Supervisor::force(int signal) {
  forced_sessions_ = admission_->active();
  log::warn("forced", {{"cause", net::signal_name(signal)}, {"connections", forced_sessions_}});
  end(ExitCode::kForced);
}

void Supervisor::end(ExitCode code) {
  if (phase_ == Phase::kEnding) return;
  phase_ = Phase::kEnding;
  exit_code_ = code;
  loop_.stop();
}

void Supervisor::take_down() {
  signals_.reset();
  exit_on_signals();
  // "At once" also where a worker or the log's reader hangs.
  if (exit_code_ == ExitCode::kForced) ::alarm(2);
  admin_->stop();
  workers_->stop();
  rebalancing_.reset();
  drains_.reset();
  fleet_.reset();
  log::info("stopped",
            {{"forced_sessions", forced_sessions_}, {"duration_ms", (monotonic_now() - stopping_since_).count()}});
}

}  // namespace drover::app
