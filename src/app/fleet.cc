// From names to addresses to snapshots.
#include "app/fleet.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "health/resolver.h"

namespace drover::app {

namespace {

double random_phase() {
  std::uint8_t bytes[2] = {};
  fill_random(bytes);
  return (bytes[0] * 256 + bytes[1]) / 65536.0;
}

// The names among the backends' hosts, each with the shortest interval that some pool wants.
std::map<std::string, Milliseconds> names_in(const config::Config& config) {
  std::map<std::string, Milliseconds> names;
  for (const auto& pool : config.pools) {
    for (const auto& backend : pool.backends) {
      if (net::Address::from_literal(backend.address.host, 0)) continue;
      const auto [name, added] = names.emplace(backend.address.host, pool.resolve_interval);
      if (!added) name->second = std::min(name->second, pool.resolve_interval);
    }
  }
  return names;
}

// Ends the waiting for names.
class Patience final : public net::TimerWheel::Node {
 public:
  explicit Patience(net::Loop& loop) : loop_(loop) { loop.arm(*this, loop.now() + Fleet::kPatience); }
  ~Patience() { loop_.wheel().disarm(*this); }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  bool left() const { return left_; }

 private:
  void on_deadline() noexcept override { left_ = false; }
  net::Loop& loop_;
  bool left_ = true;
};

using BackendSet = std::set<std::shared_ptr<balancer::Backend>>;

BackendSet backends_of(const proxy::Snapshot& snapshot) {
  BackendSet backends;
  for (const auto& pool : snapshot.pools) backends.insert(pool->backends().begin(), pool->backends().end());
  return backends;
}

void log_change(const char* event, const balancer::Backend& backend) {
  log::info(event, {{"pool", backend.pool()}, {"backend", backend.name()}, {"active", backend.active()}});
}

void warn_of_random_secret() {
  log::warn("resume_secret_random",
            {{"hint",
              "resume.secrets is empty, so a secret was drawn: resume tokens end with this process and are no good at "
              "other Drovers; set one of 16 characters or more"}});
}

}  // namespace

Fleet::Fleet(net::Loop& loop, config::Config config, unsigned workers, std::shared_ptr<const net::TlsTrusts> trusts,
             std::function<void(std::shared_ptr<const proxy::Snapshot>)> on_change)
    : loop_(loop),
      config_(std::move(config)),
      trusts_(std::move(trusts)),
      on_change_(std::move(on_change)),
      dialler_(trusts_),
      registry_(workers),
      ledger_(workers),
      token_keys_(migration::TokenKeys::make(config_.resume.secrets)),
      checker_(loop, dialler_, random_phase()) {}

Fleet::~Fleet() {
  loop_.wheel().disarm(*this);
}

void Fleet::call_when_leaving(OnLeaving on_leaving) {
  on_leaving_ = std::move(on_leaving);
  checker_.call_when_agent_drains([this](const auto& backend) { on_leaving_({backend}, migration::Cause::kAgent); });
}

void Fleet::call_when_lost(std::function<void(const std::shared_ptr<balancer::Backend>&)> on_lost) {
  checker_.call_when_down([this, on_lost = std::move(on_lost)](const auto& backend) {
    const auto pool = std::ranges::find(config_.pools, backend->pool(), &config::Pool::name);
    if (pool != config_.pools.end() && pool->on_down == config::OnDown::kMove && pool->migration.rescue) {
      on_lost(backend);
    }
  });
}

Result<void> Fleet::start() {
  if (config_.resume.secrets.empty()) warn_of_random_secret();
  auto resolver = resolver_for(config_);
  if (!resolver) return std::unexpected(resolver.error());
  keep_names(*std::move(resolver));
  if (names_) {
    const Patience patience(loop_);
    while (!names_->all_asked() && patience.left()) loop_.turn(net::Loop::Patience::kUntilSomething);
  }
  snapshot_ = make_snapshot({});
  return {};
}

Result<std::unique_ptr<health::Resolver>> Fleet::resolver_for(const config::Config& config) {
  if (names_in(config).empty()) return nullptr;
  if (names_ && config.nameservers == config_.nameservers) return nullptr;
  return health::Resolver::make(loop_, config.nameservers);
}

void Fleet::keep_names(std::unique_ptr<health::Resolver> resolver) {
  const auto names = names_in(config_);
  if (names.empty()) return names_.reset();
  if (!names_) {
    names_.emplace(loop_, std::move(resolver), [this] {
      if (snapshot_) rebuild();
    });
    return names_->keep(names);
  }
  names_->keep(names);
  if (resolver) names_->ask(std::move(resolver));
}

std::shared_ptr<const proxy::Snapshot> Fleet::make_snapshot(const proxy::StayingByPool& staying) {
  return proxy::make_snapshot(config_, addresses(), registry_, ledger_, trusts_with(staying), token_keys_, staying);
}

// Those that stay may believe in files that the configuration does not name any more.
std::shared_ptr<const net::TlsTrusts> Fleet::trusts_with(const proxy::StayingByPool& staying) {
  std::shared_ptr<net::TlsTrusts> all;
  for (const auto& [pool, backends] : staying) {
    for (const auto& one : backends) {
      if (!one.tls) continue;
      if (!all) all = std::make_shared<net::TlsTrusts>(*trusts_);
      all->add_from(*snapshot_->tls_trusts, {one.tls->verify, one.tls->ca, one.tls->crl});
    }
  }
  if (all) return all;
  return trusts_;
}

void Fleet::begin_checks() {
  checker_.watch(snapshot_->pools);
}

void Fleet::rebuild() {
  if (!handovers_.empty()) handovers_.note_names(snapshot_->pools, make_snapshot({})->pools, addresses());
  replace_snapshot(migration::Cause::kDns);
}

void Fleet::adopt(const config::Config& config, std::shared_ptr<const net::TlsTrusts> trusts,
                  std::unique_ptr<health::Resolver> resolver) {
  if (config.resume.secrets != config_.resume.secrets) {
    token_keys_ = migration::TokenKeys::make(config.resume.secrets);
    if (config.resume.secrets.empty()) warn_of_random_secret();
  }
  config_ = config;
  trusts_ = std::move(trusts);
  keep_names(std::move(resolver));
  const auto wanted = make_snapshot({});
  handovers_.reload(snapshot_->pools, wanted->pools, addresses(), loop_.now() + config_.reload_wait);
  handovers_.settle(loop_.now());
  replace_snapshot(migration::Cause::kReload);
  settle_soon();
}

void Fleet::settle_soon() {
  if (!handovers_.empty()) loop_.arm(*this, loop_.now() + net::TimerWheel::kTick);
}

void Fleet::on_deadline() noexcept {
  if (handovers_.settle(loop_.now())) replace_snapshot(migration::Cause::kReload);
  settle_soon();
}

// Those that are gone get no new session, not even from a handshake that began before; the sessions that they have go
// on. The workers are told first: whoever still goes by the old snapshot finds somebody in it.
void Fleet::replace_snapshot(migration::Cause cause) {
  const BackendSet before = backends_of(*snapshot_);
  snapshot_ = make_snapshot(handovers_.staying());
  if (snapshot_->tls_trusts != dialler_.trusts()) dialler_ = net::TlsDialler(snapshot_->tls_trusts);
  const BackendSet now = backends_of(*snapshot_);
  for (const auto& backend : now) {
    if (!before.contains(backend)) log_change("backend_added", *backend);
  }
  on_change_(snapshot_);
  std::vector<std::shared_ptr<balancer::Backend>> leaving;
  for (const auto& backend : before) {
    if (now.contains(backend)) continue;
    backend->set_leaving(true);
    log_change("backend_removed", *backend);
    leaving.push_back(backend);
  }
  checker_.watch(snapshot_->pools);
  if (!leaving.empty() && on_leaving_) on_leaving_(std::move(leaving), cause);
}

std::uint64_t descriptors_for_checks(const config::Config& config) {
  // At most one probe and one question to the agent a backend, and hardly ever all at once: what a probe cannot have is
  // not held against the backend.
  constexpr std::uint64_t kMost = 128;
  constexpr std::uint64_t kForNames = 8;
  std::uint64_t checks = 0;
  for (const auto& pool : config.pools) {
    if (pool.health_check.interval.count() == 0) continue;
    checks += pool.backends.size() * (pool.health_check.agent_port == 0 ? 1 : 2);
  }
  return std::min(checks, kMost) + (names_in(config).empty() ? 0 : kForNames);
}

}  // namespace drover::app
