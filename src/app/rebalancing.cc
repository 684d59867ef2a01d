// A plan begins only where some session can move: where no client and no backend takes part, an uneven pool stays so.
#include "app/rebalancing.h"

#include <algorithm>

#include "migration/rebalancer.h"

namespace drover::app {

using migration::Cause;
using migration::DrainPlan;

namespace {

// Twice what it takes at its pace, and more than a few sessions need: what is too slow for that begins anew.
Milliseconds deadline_of(const config::Pool& settings, std::uint64_t sessions) {
  constexpr double kTwice = 2'000;  // in milliseconds
  const auto takes = static_cast<Milliseconds::rep>(kTwice * static_cast<double>(sessions) / settings.rebalance.pace);
  return std::max(Milliseconds(takes), settings.migration.deadline) + settings.migration.grace;
}

DrainPlan::Terms terms_for(const balancer::Pool& pool, const migration::PoolBalance& now) {
  const auto& settings = pool.settings();
  DrainPlan::Terms terms;
  terms.pool = pool.name();
  terms.pace = settings.rebalance.pace;
  terms.deadline = terms.last_turn = deadline_of(settings, now.balance.left);
  auto& order = terms.order;
  order.cause = Cause::kRebalance;
  for (std::size_t i = 0; i < now.backends.size(); ++i) {
    if (now.balance.parts[i].gives > 0) order.backends.push_back(now.backends[i]);
    if (now.balance.parts[i].takes > 0) order.targets.push_back(now.backends[i]);
  }
  order.notify.emplace(pool.name(), settings.migration.notify);
  order.endpoint = settings.migration.endpoint;
  order.grace = settings.migration.grace;
  order.stop_if_failing = settings.migration.stop_if_failing;
  order.cooldown = settings.rebalance.cooldown;
  order.to_owners = settings.policy == "consistent_hash";
  return terms;
}

}  // namespace

Rebalancing::Rebalancing(net::Loop& loop, Workers& workers, Drains& drains, Drains::SnapshotNow snapshot)
    : loop_(loop), workers_(workers), drains_(drains), snapshot_(std::move(snapshot)) {}

Rebalancing::~Rebalancing() {
  loop_.wheel().disarm(*this);
}

void Rebalancing::adopt() {
  std::map<std::string, MonotonicTime, std::less<>> looks;
  for (const auto& pool : snapshot_()->pools) {
    const auto& settings = pool->settings().rebalance;
    if (!settings.enabled) continue;
    const auto next = loop_.now() + settings.interval;
    const auto known = looks_.find(pool->name());
    looks[pool->name()] = known == looks_.end() ? next : std::min(known->second, next);
  }
  looks_ = std::move(looks);
  arm();
}

void Rebalancing::arm() {
  const auto soonest = std::ranges::min_element(looks_, {}, [](const auto& look) { return look.second; });
  if (soonest == looks_.end()) return loop_.wheel().disarm(*this);
  loop_.arm(*this, soonest->second);
}

void Rebalancing::on_deadline() noexcept {
  const auto now = loop_.now();
  for (const auto& pool : snapshot_()->pools) {
    const auto look = looks_.find(pool->name());
    if (look == looks_.end() || look->second > now) continue;
    look->second = now + pool->settings().rebalance.interval;
    look_at(pool);
  }
  arm();
}

void Rebalancing::look_at(const std::shared_ptr<const balancer::Pool>& pool) {
  if (!drains_.may_rebalance(pool->name())) return;
  const auto now = migration::balance_of(*pool, loop_.now());
  if (!now.balance.calls_for_moves(pool->settings().rebalance.threshold)) return;
  auto terms = std::make_shared<DrainPlan::Terms>(terms_for(*pool, now));
  const auto drain = std::make_shared<migration::Drain>(terms->order);
  drain->quotas().set_goals(now);
  workers_.count_for(drain, [this, terms](proxy::DrainRun::Census census) {
    if (census.handed_off + census.notified == 0) return;
    loop_.post([this, terms] { drains_.begin_rebalance(*terms); });
  });
}

}  // namespace drover::app
