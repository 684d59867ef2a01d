// Sets of backends, compared by identity.
#include "app/handovers.h"

#include <algorithm>

#include "net/address.h"

namespace drover::app {

namespace {

bool has(const balancer::Pool& pool, const std::shared_ptr<balancer::Backend>& backend) {
  return std::ranges::find(pool.backends(), backend) != pool.backends().end();
}

bool is_up(const balancer::Pool& pool, const balancer::Backend& backend) {
  return pool.settings().health_check.interval.count() == 0 || backend.probe() == balancer::ProbeState::kUp;
}

std::shared_ptr<const balancer::Pool> find(const Handovers::Pools& pools, const std::string& name) {
  const auto found = std::ranges::find(pools, name, [](const auto& pool) -> const auto& { return pool->name(); });
  return found == pools.end() ? nullptr : *found;
}

std::set<std::string> hosts_of(const balancer::Pool& pool) {
  std::set<std::string> hosts;
  for (const auto& backend : pool.settings().backends) hosts.insert(backend.address.host);
  return hosts;
}

// Names of `wanted` that `before` had not, and that nothing is known of.
std::set<std::string> new_names(const balancer::Pool& before, const balancer::Pool& wanted,
                                const proxy::Addresses& names) {
  const auto known = hosts_of(before);
  std::set<std::string> added;
  for (const auto& host : hosts_of(wanted)) {
    const bool is_name = !net::Address::from_literal(host, 0);
    if (is_name && !known.contains(host) && !names.contains(host)) added.insert(host);
  }
  return added;
}

std::set<std::shared_ptr<balancer::Backend>> added_and_not_up(const balancer::Pool& before,
                                                              const balancer::Pool& wanted) {
  std::set<std::shared_ptr<balancer::Backend>> added;
  for (const auto& backend : wanted.backends()) {
    if (!has(before, backend) && !is_up(wanted, *backend)) added.insert(backend);
  }
  return added;
}

}  // namespace

// Who has come back just stays, and who has gone again is not waited for.
void Handovers::drop_the_wanted(Handover& handover, const balancer::Pool& wanted, const proxy::Addresses& names) {
  std::erase_if(handover.guests, [&](const Guest& guest) { return has(wanted, guest.who.backend); });
  std::erase_if(handover.awaited,
                [&](const auto& backend) { return !has(wanted, backend) || is_up(wanted, *backend); });
  const auto hosts = hosts_of(wanted);
  std::erase_if(handover.awaited_names,
                [&](const auto& name) { return !hosts.contains(name) || names.contains(name); });
}

void Handovers::reload(const Pools& before, const Pools& wanted, const proxy::Addresses& names, MonotonicTime until) {
  std::map<std::string, Handover> next;
  for (const auto& pool : wanted) {
    const auto old = find(before, pool->name());
    if (old == nullptr) continue;
    auto handover = std::move(by_pool_[pool->name()]);
    drop_the_wanted(handover, *pool, names);
    auto awaited = added_and_not_up(*old, *pool);
    auto awaited_names = new_names(*old, *pool, names);
    if (!awaited.empty() || !awaited_names.empty()) {
      for (const auto& backend : old->backends()) {
        const auto is_it = [&](const Guest& guest) { return guest.who.backend == backend; };
        if (has(*pool, backend) || std::ranges::any_of(handover.guests, is_it)) continue;
        const auto* const tls = old->tls_of(*backend);
        handover.guests.push_back({{backend, tls == nullptr ? std::nullopt : std::optional(*tls)}, until});
      }
    }
    if (handover.guests.empty()) continue;
    handover.awaited.merge(awaited);
    handover.awaited_names.merge(awaited_names);
    next.emplace(pool->name(), std::move(handover));
  }
  by_pool_ = std::move(next);
}

void Handovers::note_names(const Pools& before, const Pools& wanted, const proxy::Addresses& names) {
  for (auto& [name, handover] : by_pool_) {
    const auto pool = find(wanted, name);
    const auto old = find(before, name);
    if (pool == nullptr || old == nullptr) continue;
    drop_the_wanted(handover, *pool, names);
    handover.awaited.merge(added_and_not_up(*old, *pool));
  }
  std::erase_if(by_pool_, [](const auto& entry) { return entry.second.guests.empty(); });
}

bool Handovers::settle(MonotonicTime now) {
  std::size_t gone = 0;
  for (auto& [name, handover] : by_pool_) {
    std::erase_if(handover.awaited, [](const auto& one) { return one->probe() == balancer::ProbeState::kUp; });
    const bool is_over = handover.awaited.empty() && handover.awaited_names.empty();
    gone += std::erase_if(handover.guests, [&](const Guest& guest) { return is_over || now >= guest.until; });
  }
  std::erase_if(by_pool_, [](const auto& entry) { return entry.second.guests.empty(); });
  return gone > 0;
}

proxy::StayingByPool Handovers::staying() const {
  proxy::StayingByPool all;
  for (const auto& [name, handover] : by_pool_) {
    for (const auto& guest : handover.guests) all[name].push_back(guest.who);
  }
  return all;
}

}  // namespace drover::app
