// Start-up, signals, shutdown.
#include "app/supervisor.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "app/listening.h"
#include "app/systemd_notify.h"
#include "app/version.h"
#include "app/workers_count.h"
#include "balancer/policy.h"
#include "base/log.h"
#include "config/load.h"

namespace drover::app {

namespace {

unsigned workers_wanted(const config::Config& config) {
  if (config.workers) return *config.workers;
  return workers_for(cpus_in_affinity_mask(), cgroup_cpu_quota());
}

struct ListeningAddress {
  net::Address address;
  proxy::Worker::Listening listening;
};

Result<std::vector<ListeningAddress>> all_listening_addresses(const std::vector<config::Listener>& listeners,
                                                              const TlsMaterial& tls) {
  std::vector<ListeningAddress> all;
  for (std::size_t index = 0; index < listeners.size(); ++index) {
    const auto& listener = listeners[index];
    const auto sharing = listener.shared ? Sharing::kShared : Sharing::kExclusive;
    const auto addresses = listening_addresses(listener.bind, "a listener's 'bind'", sharing);
    if (!addresses) return std::unexpected(addresses.error());
    for (const auto& address : *addresses) all.push_back({address, {listener.health_path, tls.listeners[index]}});
  }
  return all;
}

// Of what `drover -T` prints, so without secrets: /metrics is open to all, and a short secret could be guessed from it.
std::string config_hash(const config::Config& config) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx",
                static_cast<unsigned long long>(balancer::hash_of(config::to_yaml(config))));
  return text;
}

// From here on nobody looks at signals: whoever sends one more does not want to wait for the rest.
void exit_on_signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGALRM}) {
    static_cast<void>(std::signal(signal, [](int) { ::_exit(static_cast<int>(ExitCode::kForced)); }));
  }
}

}  // namespace

Supervisor::Supervisor(Setup setup)
    : config_(std::move(setup.config)), config_hash_(config_hash(config_)), tls_(std::move(setup.tls)) {}

Supervisor::~Supervisor() {
  loop_.wheel().disarm(*this);
}

Result<void> Supervisor::start() {
  const unsigned workers = workers_wanted(config_);
  fleet_ = std::make_unique<Fleet>(loop_, config_, workers, tls_.trusts,
                                   [this](const auto& next) { workers_->adopt(next); });
  if (auto started = fleet_->start(); !started) return started;
  if (auto listening = listen(workers); !listening) return listening;
  if (auto serving = serve_admin(); !serving) return serving;
  // The signals before the threads: from `ready` on every one of them has its meaning.
  signals_ = std::make_unique<net::Signals>(loop_, std::initializer_list{SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1},
                                            [this](int signal) { on_signal(signal); });
  workers_->start();
  fleet_->begin_checks();
  certificates_.emplace(loop_, tls_.certificates());
  phase_ = Phase::kServing;
  admission_->set_phase(proxy::Phase::kServing);
  log::info("ready", {{"workers", workers}, {"version", version()}, {"pid", ::getpid()}});
  systemd_notify("READY=1\nMAINPID=" + std::to_string(::getpid()));
  return {};
}

Result<void> Supervisor::listen(unsigned workers) {
  auto addresses = all_listening_addresses(config_.listeners, tls_);
  if (!addresses) return std::unexpected(addresses.error());
  const auto budget = proxy::descriptor_budget(workers, addresses->size(), descriptors_for_checks(config_));
  descriptors_ = budget.limit;
  admission_ = std::make_unique<proxy::Admission>(proxy::effective_max_connections(config_.limits, budget));
  if (admission_->max_connections() == 0) {
    return fail(Code::kConfiguration, Side::kDrover,
                "the descriptor limit of " + std::to_string(budget.limit) + " leaves none for connections, " +
                    std::to_string(budget.reserve) + " are for Drover itself; raise it (ulimit -n, LimitNOFILE=)");
  }
  const auto on_failing = [this](const std::shared_ptr<balancer::Backend>& backend) {
    loop_.post([this, backend] { fleet_->consider_ejection(backend); });
  };
  workers_ = std::make_unique<Workers>(workers, *admission_, fleet_->ledger(), fleet_->snapshot(), on_failing);
  sessions_.emplace(loop_, *workers_);
  drains_.emplace(loop_, *workers_, *admission_, [this] { return fleet_->snapshot(); });
  drains_->adopt(config_);
  for (const auto& [address, listening] : *addresses) {
    const auto bound = workers_->listen(address, listening);
    if (!bound) return std::unexpected(bound.error());
    listening_.push_back(*bound);
    log::info("listening", {{"address", bound->text()}, {"tls", listening.tls ? "yes" : "no"}});
  }
  log::info(
      "limits",
      {{"max_connections", admission_->max_connections()}, {"descriptors", budget.limit}, {"reserve", budget.reserve}});
  return {};
}

Result<void> Supervisor::serve_admin() {
  const auto serve = [&](const std::optional<config::Endpoint>& bind, std::string_view key, std::string_view event,
                         const admin::Access& access) -> Result<std::unique_ptr<admin::Server>> {
    if (!bind) return nullptr;
    const auto addresses = listening_addresses(*bind, key);
    if (!addresses) return std::unexpected(addresses.error());
    auto server = std::make_unique<admin::Server>(loop_, admin_source(), access);
    for (const auto& address : *addresses) {
      const auto bound = server->listen(address);
      if (!bound) return std::unexpected(bound.error());
      log::info(event, {{"address", bound->text()}});
    }
    return server;
  };
  admin::Access open;
  open.surface = admin::Surface::kProbes;
  auto probes = serve(config_.probes.bind, "probes.bind", "probes_listening", open);
  if (!probes) return std::unexpected(probes.error());
  probes_ = *std::move(probes);
  const admin::Access guarded{.surface = admin::Surface::kAdmin,
                              .hosts = config_.admin.hosts,
                              .tokens = {.all = config_.admin.token, .load = config_.admin.load_token}};
  auto admin = serve(config_.admin.bind, "admin.bind", "admin_listening", guarded);
  if (!admin) return std::unexpected(admin.error());
  admin_ = *std::move(admin);
  return {};
}

admin::Source Supervisor::admin_source() {
  return {.status = [this] { return status(); },
          .pools = [this] { return fleet_->snapshot()->pools; },
          .measures = [this] { return measures(); },
          .config = [this] { return config::to_json(config_); },
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
          .frozen =
              [this] { return drains_->frozen() ? admin::Source::Frozen::kYes : admin::Source::Frozen::kNo; },
          .reload = {},
          .shut_down =
              [this] {
                if (phase_ == Phase::kServing) begin_shutdown("admin");
              }};
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
  for (const auto& certificate : tls_.certificates()) {
    status.certificates.push_back({certificate->file(), certificate->not_after()});
  }
  return status;
}

ExitCode Supervisor::run() {
  loop_.run();
  take_down();
  return exit_code_;
}

void Supervisor::on_signal(int signal) {
  switch (signal) {
    case SIGHUP:
      last_reload_successful_ = false;
      return log::warn("reload_refused", {{"reason", "not in this version; restart to change the configuration"}});
    case SIGUSR1: return log::reopen();
    default: return phase_ == Phase::kServing ? begin_shutdown(net::signal_name(signal)) : force(signal);
  }
}

void Supervisor::begin_shutdown(std::string_view cause) {
  stopping_since_ = monotonic_now();
  admission_->set_phase(proxy::Phase::kShuttingDown);
  log::info("stopping", {{"cause", cause},
                         {"connections", admission_->active()},
                         {"announce_ms", config_.shutdown.announce.count()},
                         {"deadline_ms", config_.shutdown.deadline.count()}});
  systemd_notify("STOPPING=1");
  if (config_.shutdown.announce == Milliseconds(0)) return begin_drain();
  phase_ = Phase::kAnnouncing;
  loop_.arm(*this, loop_.now() + config_.shutdown.announce);
}

void Supervisor::begin_drain() {
  phase_ = Phase::kDraining;
  loop_.arm(*this, monotonic_now() + config_.shutdown.deadline);
  drains_->shut_down(config_.shutdown, [this] { loop_.post([this] { end(ExitCode::kOk); }); });
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
  admin_.reset();
  probes_.reset();
  workers_->stop();
  drains_.reset();
  fleet_.reset();
  log::info("stopped",
            {{"forced_sessions", forced_sessions_}, {"duration_ms", (monotonic_now() - stopping_since_).count()}});
}

}  // namespace drover::app
