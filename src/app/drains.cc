// Plans look after themselves (migration/drain_plan.h); what is here knows of pools, routes and workers.
#include "app/drains.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "app/closing_pace.h"
#include "balancer/eligibility.h"
#include "base/log.h"
#include "config/values.h"
#include "migration/rebalancer.h"

namespace drover::app {

using migration::Cause;
using migration::DrainPlan;
using migration::DrainState;
using migration::DrainView;
using migration::Mode;

namespace {

constexpr Milliseconds kLook{100};
constexpr Milliseconds kLogProgress{10'000};
constexpr std::size_t kMostEnded = 50;
// Between the Close of those who were told last and the end of the plan: the workers' ticks, and the look at them.
constexpr Milliseconds kLastLook{250};

std::string names_of(const Drains::BackendList& backends) {
  std::string names;
  for (const auto& backend : backends) names.append(names.empty() ? "" : ",").append(backend->name());
  return names;
}

bool contains(const Drains::BackendList& backends, const std::shared_ptr<balancer::Backend>& backend) {
  return std::ranges::find(backends, backend) != backends.end();
}

std::uint64_t sessions_on(const Drains::BackendList& backends) {
  std::uint64_t sessions = 0;
  for (const auto& backend : backends) {
    if (!backend->open()) sessions += backend->active();
  }
  return sessions;
}

std::string pace_text(double pace) {
  constexpr double kHundredths = 100;
  return config::format_rate(std::round(pace * kHundredths) / kHundredths);
}

void log_view(log::Level level, std::string_view event, const DrainView& view) {
  const auto moved = [&](Mode mode) { return view.moved[static_cast<std::size_t>(mode)]; };
  log::event(level, event,
             {{"id", view.id},
              {"state", migration::name_of(view.state)},
              {"left", view.left},
              {"total", view.total},
              {"handoff", moved(Mode::kHandoff)},
              {"notify", moved(Mode::kNotify)},
              {"close", moved(Mode::kClose)},
              {"forced", view.forced},
              {"failed", view.failed},
              {"ended", view.ended},
              {"pace", pace_text(view.pace)},
              {"eta_ms", view.eta.count()}});
}

}  // namespace

Drains::Drains(net::Loop& loop, Workers& workers, const proxy::Admission& admission, SnapshotNow snapshot)
    : loop_(loop), workers_(workers), admission_(admission), snapshot_(std::move(snapshot)) {}

Drains::~Drains() {
  loop_.wheel().disarm(*this);
}

void Drains::remember(const config::Config& config) {
  for (const auto& pool : config.pools) settings_[pool.name] = pool.migration;
}

config::Migration Drains::settings_of(const std::string& pool) const {
  const auto snapshot = snapshot_();
  const auto now = std::ranges::find(snapshot->config.pools, pool, &config::Pool::name);
  if (now != snapshot->config.pools.end()) return now->migration;
  const auto found = settings_.find(pool);
  return found == settings_.end() ? config::Migration() : found->second;
}

Result<Drains::BackendList> Drains::find(const migration::DrainRequest& request) const {
  for (const auto& pool : snapshot_()->pools) {
    if (pool->name() != request.pool) continue;
    BackendList found;
    for (const auto& backend : pool->backends()) {
      if (request.backend.empty() || backend->name() == request.backend) found.push_back(backend);
    }
    if (!found.empty() || request.backend.empty()) return found;
    return fail(Code::kConfiguration, Side::kDrover,
                "no backend '" + request.backend + "' in pool '" + pool->name() + "'");
  }
  return fail(Code::kConfiguration, Side::kDrover, "no pool '" + request.pool + "'");
}

DrainPlan::Terms Drains::terms_for(const std::string& pool, const BackendList& backends, Cause cause,
                                   const migration::DrainTerms& asked) const {
  const config::Migration settings = settings_of(pool);
  DrainPlan::Terms terms;
  terms.pool = pool;
  terms.deadline = asked.deadline.value_or(settings.deadline);
  // Whoever asks for a short deadline alone wants the grace to fit.
  const Milliseconds grace = asked.grace.value_or(std::min(settings.grace, terms.deadline / 2));
  terms.last_turn = std::max(terms.deadline - grace - kLastLook, Milliseconds(0));
  if (!asked.auto_pace) terms.pace = asked.pace ? asked.pace : settings.pace;
  terms.order.cause = cause;
  terms.order.backends = backends;
  terms.order.first_mode = asked.first_mode;
  terms.order.notify.emplace(pool, settings.notify);
  terms.order.endpoint = settings.endpoint;
  terms.order.grace = grace;
  terms.order.stop_if_failing = settings.stop_if_failing;
  return terms;
}

void Drains::ask(const migration::DrainRequest& request, const std::string& peer,
                 std::function<void(Result<DrainView>)> done) {
  if (shutting_down_) return done(fail(Code::kConfiguration, Side::kDrover, "Drover is shutting down"));
  const auto backends = find(request);
  if (!backends) return done(std::unexpected(backends.error()));
  if (backends->empty()) {
    return done(fail(Code::kConfiguration, Side::kDrover, "pool '" + request.pool + "' has no backend"));
  }
  auto terms = terms_for(request.pool, *backends, Cause::kOperator, request.terms);
  terms.whole_pool = request.backend.empty();
  if (terms.order.grace >= terms.deadline) {
    return done(fail(Code::kConfiguration, Side::kDrover,
                     "the grace of " + config::format_duration(terms.order.grace) + " is not below the deadline of " +
                         config::format_duration(terms.deadline) + ", so nobody could be told in time"));
  }
  if (request.dry_run) return dry_run(std::move(terms), std::move(done));
  for (const auto& backend : *backends) backend->set_operator_state(balancer::OperatorState::kDrain);
  done(begin(std::move(terms), peer));
}

// What it would do, asked of the workers; nobody else sees the plan.
void Drains::dry_run(DrainPlan::Terms terms, std::function<void(Result<DrainView>)> done) {
  std::uint64_t sessions = 0;
  for (const auto& backend : terms.order.backends) sessions += backend->active();
  const auto plan = std::make_shared<DrainPlan>(std::move(terms), sessions, loop_.now());
  const bool waits = !others_eligible(*plan);
  workers_.count_for(plan->drain(), [this, plan, waits, done = std::move(done)](proxy::DrainRun::Census census) {
    loop_.post([plan, waits, done, census] {
      DrainView view = plan->view(plan->started());
      view.state = DrainState::kDryRun;
      view.total = view.left = census.handed_off + census.notified + census.closed;
      view.moved[static_cast<std::size_t>(Mode::kHandoff)] = census.handed_off;
      view.moved[static_cast<std::size_t>(Mode::kNotify)] = census.notified;
      view.moved[static_cast<std::size_t>(Mode::kClose)] = census.closed;
      const double takes = static_cast<double>(view.total) * 1'000 / view.pace;
      view.eta = Milliseconds(static_cast<Milliseconds::rep>(takes));
      if (census.notified > 0) view.eta += plan->drain()->order().grace;
      if (waits) view.warnings.emplace_back("nobody else is eligible: it would wait for somebody until its deadline");
      done(view);
    });
  });
}

DrainView Drains::begin(DrainPlan::Terms terms, const std::string& peer) {
  terms.id = "d" + std::to_string(++last_id_);
  const auto now = loop_.now();
  replace_those_within(terms);
  const auto sessions = terms.order.cause == Cause::kRebalance ? 0 : sessions_on(terms.order.backends);
  Plan& added = plans_.emplace_back(Plan{DrainPlan(std::move(terms), sessions, now), now});
  const auto& order = added.plan.drain()->order();
  added.plan.advance(now, look_at(added.plan), {});
  workers_.carry_out(added.plan.drain());
  DrainView view = added.plan.view(now);
  log::info("drain_started", {{"id", view.id},
                              {"cause", migration::name_of(view.cause)},
                              {"pool", view.pool},
                              {"backends", names_of(order.backends)},
                              {"sessions", view.total},
                              {"pace", pace_text(view.pace)},
                              {"deadline_ms", view.deadline.count()},
                              {"grace_ms", order.grace.count()},
                              {"peer", peer}});
  for (const auto& warning : view.warnings) log::warn("drain_warning", {{"id", view.id}, {"warning", warning}});
  loop_.arm(*this, now + kLook);
  forget_the_oldest();
  return view;
}

void Drains::begin(const BackendList& backends, Cause cause) {
  if (shutting_down_) return;
  std::map<std::string, BackendList> by_pool;
  const auto has_plan = [&](const auto& backend) {
    return std::ranges::any_of(plans_, [&](const auto& each) {
      return !each.plan.ended() && !each.plan.rebalances() && contains(each.plan.drain()->order().backends, backend);
    });
  };
  for (const auto& backend : backends) {
    if (!has_plan(backend)) by_pool[backend->pool()].push_back(backend);  // an operator's has the operator's terms
  }
  for (const auto& [pool, some] : by_pool) {
    if (sessions_on(some) > 0) begin(terms_for(pool, some, cause, {}), {});
  }
}

// Two plans for the same sessions would each keep a pace of its own. A rebalance can wait.
void Drains::replace_those_within(const DrainPlan::Terms& by) {
  for (auto& [plan, _] : plans_) {
    const auto& theirs = plan.drain()->order().backends;
    const bool is_within =
        std::ranges::all_of(theirs, [&](const auto& each) { return contains(by.order.backends, each); });
    const bool gives_way = plan.rebalances() && plan.pool() == by.pool;
    if (plan.ended() || (!is_within && !gives_way)) continue;
    plan.cancel(loop_.now(), "replaced by " + by.id);
    log_view(log::Level::kInfo, "drain_ended", plan.view(loop_.now()));
  }
}

void Drains::shut_down(const config::Shutdown& shutdown, const std::function<void()>& on_empty) {
  const auto now = loop_.now();
  shutting_down_ = true;
  frozen_ = false;
  for (auto& [plan, _] : plans_) plan.cancel(now, "Drover shuts down");
  DrainPlan::Terms terms;
  terms.id = "d" + std::to_string(++last_id_);
  terms.deadline = shutdown.deadline;
  terms.pace = closing_pace(shutdown.pace, admission_.active(), shutdown.deadline);
  terms.last_turn = shutdown.deadline - closing_grace(shutdown.deadline);
  terms.order.cause = Cause::kShutdown;
  for (const auto& [pool, settings] : settings_) terms.order.notify.emplace(pool, settings.notify);
  terms.order.grace = closing_grace(shutdown.deadline) / 2;  // the other half is for the Close
  Plan& added = plans_.emplace_back(Plan{DrainPlan(std::move(terms), admission_.active(), now), now});
  workers_.shut_down(added.plan.drain(), on_empty);
  loop_.arm(*this, now + kLook);
}

// Where the sessions could go: to the others of their pool, or, where no route leads there any more, to whomever the
// routes lead to.
bool Drains::others_eligible(const DrainPlan& plan) const {
  const auto& order = plan.drain()->order();
  if (plan.drain()->covers_all()) return true;
  const auto snapshot = snapshot_();
  std::set<std::string_view> routed;
  for (const auto& route : snapshot->config.routes) routed.insert(route.pool);
  const std::string& own = order.backends.front()->pool();
  const auto serves = [&](const std::shared_ptr<const balancer::Pool>& pool) {
    if (!routed.contains(pool->name())) return false;
    const auto standard = balancer::standard_of(pool->backends(), 0);
    return std::ranges::any_of(pool->backends(), [&](const auto& backend) {
      return balancer::eligible(*backend, standard) && !contains(order.backends, backend);
    });
  };
  if (!routed.contains(own)) return std::ranges::any_of(snapshot->pools, serves);
  return std::ranges::any_of(snapshot->pools, [&](const auto& pool) { return pool->name() == own && serves(pool); });
}

DrainPlan::Seen Drains::look_at(const DrainPlan& plan) const {
  if (plan.rebalances()) return look_at_rebalance(plan);
  const auto& backends = plan.drain()->order().backends;
  DrainPlan::Seen seen;
  if (plan.drain()->covers_all()) {
    seen.active = admission_.active();
    return seen;
  }
  seen.active = sessions_on(backends);
  seen.others_eligible = others_eligible(plan);
  seen.frozen = frozen_;
  seen.called_back = std::ranges::all_of(backends, [](const auto& backend) { return backend->open(); });
  return seen;
}

DrainPlan::Seen Drains::look_at_rebalance(const DrainPlan& plan) const {
  DrainPlan::Seen seen;
  seen.frozen = frozen_;
  const auto snapshot = snapshot_();
  const auto place = snapshot->place_of(plan.pool());
  if (!place || !snapshot->pools[*place]->settings().rebalance.enabled) {
    seen.called_back = true;
    return seen;
  }
  const auto now = migration::balance_of(*snapshot->pools[*place], loop_.now());
  auto& quotas = plan.drain()->quotas();
  if (now.balance.even) {
    quotas.close();
  } else {
    seen.active = quotas.set_goals(now);
  }
  return seen;
}

void Drains::begin_rebalance(DrainPlan::Terms terms) {
  if (may_rebalance(terms.pool)) begin(std::move(terms), {});
}

bool Drains::may_rebalance(const std::string& pool) const {
  if (frozen_ || shutting_down_) return false;
  const auto rests = rests_until_.find(pool);
  if (rests != rests_until_.end() && loop_.now() < rests->second) return false;
  return std::ranges::none_of(plans_, [&](const auto& each) { return !each.plan.ended() && each.plan.pool() == pool; });
}

void Drains::let_rest(const DrainPlan& plan) {
  if (plan.rebalances()) rests_until_[plan.pool()] = loop_.now() + plan.drain()->order().cooldown;
}

void Drains::advance(Plan& plan) {
  const auto now = loop_.now();
  if (plan.plan.ended()) return;
  const auto done = plan.plan.progress();
  const bool changed = plan.plan.advance(now, look_at(plan.plan), done);
  if (plan.plan.ended()) {
    const bool well = plan.plan.state() != DrainState::kExpired && plan.plan.state() != DrainState::kHalted;
    log_view(well ? log::Level::kInfo : log::Level::kWarn, "drain_ended", plan.plan.view(now));
    if (plan.plan.state() == DrainState::kHalted) let_rest(plan.plan);
  } else if (changed) {
    const bool waits = plan.plan.state() == DrainState::kWaiting;
    log_view(waits ? log::Level::kWarn : log::Level::kInfo, waits ? "drain_waits" : "drain_goes_on",
             plan.plan.view(now));
  } else if (now - plan.logged_at >= kLogProgress) {
    plan.logged_at = now;
    log_view(log::Level::kInfo, "drain_progress", plan.plan.view(now));
  }
}

void Drains::on_deadline() noexcept {
  for (auto& plan : plans_) advance(plan);
  const bool go_on = std::ranges::any_of(plans_, [](const auto& each) { return !each.plan.ended(); });
  if (go_on) loop_.arm(*this, loop_.now() + kLook);
}

void Drains::forget_the_oldest() {
  auto ended =
      static_cast<std::size_t>(std::ranges::count_if(plans_, [](const auto& each) { return each.plan.ended(); }));
  for (auto plan = plans_.begin(); ended > kMostEnded && plan != plans_.end();) {
    const bool goes = plan->plan.ended();
    plan = goes ? plans_.erase(plan) : std::next(plan);
    if (goes) --ended;
  }
}

std::vector<DrainView> Drains::views() const {
  std::vector<DrainView> views;
  views.reserve(plans_.size());
  for (const auto& [plan, _] : plans_) views.push_back(plan.view(loop_.now()));
  return views;
}

std::optional<DrainView> Drains::cancel(const std::string& id, const std::string& peer) {
  const auto found = std::ranges::find_if(plans_, [&](const auto& each) { return each.plan.id() == id; });
  if (found == plans_.end()) return std::nullopt;
  const auto now = loop_.now();
  if (!found->plan.ended() && !found->plan.drain()->covers_all()) {
    found->plan.cancel(now, "called off" + (peer.empty() ? "" : " by " + peer));
    log_view(log::Level::kInfo, "drain_ended", found->plan.view(now));
    let_rest(found->plan);
  }
  return found->plan.view(now);
}

void Drains::freeze(const std::string& peer) {
  if (frozen_ || shutting_down_) return;
  frozen_ = true;
  log::warn("drains_frozen", {{"peer", peer}});
  on_deadline();
}

void Drains::unfreeze(const std::string& peer) {
  if (!frozen_) return;
  frozen_ = false;
  log::info("drains_unfrozen", {{"peer", peer}});
  on_deadline();
}

}  // namespace drover::app
