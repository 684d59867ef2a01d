// Bookkeeping over watches.
#include "health/checker.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"

namespace drover::health {

namespace {

// Between the first looks at two backends, so that many of them are no burst; the smallest configuration is known well
// within a second.
constexpr Milliseconds kFirstLooksApart{10};
// However many there are: whoever is looked at last gets no sessions until then.
constexpr Milliseconds kFirstLooksWithin{2'000};
// Of a pool, in one log line.
constexpr std::size_t kMostInSummary = 10;

std::size_t count_up(balancer::Backends backends) {
  return static_cast<std::size_t>(std::ranges::count_if(
      backends, [](const auto& backend) { return backend->probe() == balancer::ProbeState::kUp; }));
}

}  // namespace

void Checker::watch(const Pools& pools) {
  std::set<const balancer::Backend*> wanted;
  std::set<std::string> names;
  // Those whose first look is yet to come, or whose looks are other ones from now on.
  std::vector<std::pair<std::shared_ptr<const balancer::Pool>, std::shared_ptr<balancer::Backend>>> begun;
  for (const auto& pool : pools) {
    pools_[pool->name()].pool = pool;
    names.insert(pool->name());
    for (const auto& backend : pool->backends()) {
      wanted.insert(backend.get());
      const auto watched = watches_.find(backend.get());
      const Watch::Terms terms(pool->settings(), pool->tls_of(*backend));
      if (watched == watches_.end() || watched->second->terms() != terms) begun.emplace_back(pool, backend);
    }
  }
  for (std::size_t i = 0; i < begun.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    const auto spread = kFirstLooksWithin * place / static_cast<std::int64_t>(begun.size());
    begin(begun[i].first, begun[i].second, loop_.now() + std::min(kFirstLooksApart * place, spread));
  }
  std::erase_if(watches_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::erase_if(pools_, [&](const auto& entry) { return !names.contains(entry.first); });
  arrival_ = Watch::Arrival::kLater;
  for (const auto& name : names) judge(name);
}

void Checker::begin(const std::shared_ptr<const balancer::Pool>& pool,
                    const std::shared_ptr<balancer::Backend>& backend, MonotonicTime first) {
  Watch::Terms terms(pool->settings(), pool->tls_of(*backend));
  const auto watched = watches_.find(backend.get());
  if (watched != watches_.end()) return watched->second->adopt(std::move(terms), first);
  const Watch::Start start{.first = first, .phase = Schedule::phase_of(added_++, first_phase_), .arrival = arrival_};
  const auto on_change = [this, name = pool->name()] { judge(name); };
  const auto on_agent_drain = [this, backend] {
    if (on_agent_drain_) on_agent_drain_(backend);
  };
  const auto on_down = [this, backend] {
    if (on_down_) on_down_(backend);
  };
  watches_[backend.get()] =
      std::make_unique<Watch>(loop_, dialler_, backend, std::move(terms), start, on_change, on_agent_drain, on_down);
}

void Checker::consider_ejection(const std::shared_ptr<balancer::Backend>& backend) {
  const auto watched = watches_.find(backend.get());
  const auto found = pools_.find(backend->pool());
  if (watched == watches_.end() || found == pools_.end() || backend->ejected()) return;
  const auto& pool = *found->second.pool;
  const auto backends = pool.backends();
  const auto ejected = std::ranges::count_if(backends, [](const auto& one) { return one->ejected(); });
  const auto others = std::ranges::count_if(backends, [&](const auto& one) {
    return one != backend && balancer::eligible(*one, balancer::Standard::kProven);
  });
  const auto most = backends.size() * pool.settings().ejection.max_ejected_percent / 100;
  const char* obstacle = nullptr;
  if (static_cast<std::size_t>(ejected) >= most) obstacle = "max_ejected_percent";
  if (others == 0) obstacle = "no other backend is eligible";
  if (obstacle == nullptr) return watched->second->eject();
  log::debug("ejection_withheld", {{"pool", pool.name()}, {"backend", backend->name()}, {"reason", obstacle}});
}

void Checker::judge(const std::string& name) {
  auto& watched = pools_.at(name);
  const auto& pool = *watched.pool;
  // Full ones count: nobody tells when a place becomes free again.
  const auto standard = balancer::standard_of(pool.backends(), 0);
  const auto is_healthy = [standard](const auto& backend) { return balancer::healthy(*backend, standard); };
  const bool has_healthy = std::ranges::any_of(pool.backends(), is_healthy);
  if (has_healthy != watched.has_healthy) {
    watched.has_healthy = has_healthy;
    if (has_healthy) {
      log::info("pool_has_backends_again", {{"pool", name}, {"up", count_up(pool.backends())}});
    } else {
      log::error("pool_has_no_backend", {{"pool", name}, {"summary", summary_of(pool)}});
    }
  }
  const bool in_panic = pool.standard() == balancer::Standard::kPanic;
  if (in_panic == watched.in_panic) return;
  watched.in_panic = in_panic;
  if (in_panic) {
    log::warn("pool_panic", {{"pool", name},
                             {"up", count_up(pool.backends())},
                             {"backends", pool.backends().size()},
                             {"hint", "health is ignored until panic_threshold is reached again"}});
  } else {
    log::info("pool_panic_ended", {{"pool", name}, {"up", count_up(pool.backends())}});
  }
}

std::string Checker::summary_of(const balancer::Pool& pool) const {
  const auto backends = pool.backends();
  std::string text = "pool " + pool.name() + ": " + std::to_string(count_up(backends)) + " of " +
                     std::to_string(backends.size()) + " backends up";
  std::size_t told = 0;
  for (const auto& backend : backends) {
    if (told == kMostInSummary) {
      text += "; and " + std::to_string(backends.size() - told) + " more";
      break;
    }
    const auto watch = watches_.find(backend.get());
    if (watch == watches_.end()) continue;
    text += "; " + backend->name() + ": " + watch->second->obstacle();
    ++told;
  }
  return text;
}

}  // namespace drover::health
