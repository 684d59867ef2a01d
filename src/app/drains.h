// All drain plans of the process, from every cause that there is: it begins them, looks after them while they go on,
// and tells of them. One thread, the supervisor's.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/workers.h"
#include "base/error.h"
#include "config/config.h"
#include "migration/drain_plan.h"
#include "net/loop.h"
#include "proxy/admission.h"
#include "proxy/snapshot.h"

namespace drover::app {

class Drains final : net::TimerWheel::Node {
 public:
  using SnapshotNow = std::function<std::shared_ptr<const proxy::Snapshot>()>;
  using BackendList = std::vector<std::shared_ptr<balancer::Backend>>;

  // Everything outlives it.
  Drains(net::Loop& loop, Workers& workers, const proxy::Admission& admission, SnapshotNow snapshot);
  ~Drains();
  Drains(const Drains&) = delete;
  Drains& operator=(const Drains&) = delete;

  // What the pools say is still good for the drain of what they had, when they are gone.
  void remember(const config::Config& config);

  // An operator's. `done` may come later. A plan for nothing but these backends is replaced by it. Error:
  // kConfiguration, where there is no such pool or backend, or at shutdown.
  void ask(const migration::DrainRequest& request, const std::string& peer,
           std::function<void(Result<migration::DrainView>)> done);
  // Of backends that take no new sessions any more: a plan a pool, of those that no plan has yet.
  void begin(const BackendList& backends, migration::Cause cause);
  // A rebalance, unless it may_rebalance() no more. Any other plan of the pool calls it off.
  void begin_rebalance(migration::DrainPlan::Terms terms);
  // Whether one of that pool may begin: no plan of it goes on, nothing is frozen, and none of it was called off by
  // somebody, or has halted, within its cooldown.
  bool may_rebalance(const std::string& pool) const;
  // Of all sessions; it replaces all other plans, and is neither frozen nor called off. `on_empty` is called on a
  // worker's thread.
  void shut_down(const config::Shutdown& shutdown, const std::function<void()>& on_empty);

  // Those that go on, and the last that have ended, by their beginning.
  std::vector<migration::DrainView> views() const;
  // As it is then. None: there is no such plan.
  std::optional<migration::DrainView> cancel(const std::string& id, const std::string& peer);
  void freeze(const std::string& peer);
  void unfreeze(const std::string& peer);
  bool frozen() const { return frozen_; }

 private:
  struct Plan {
    migration::DrainPlan plan;
    MonotonicTime logged_at;
  };

  Result<BackendList> find(const migration::DrainRequest& request) const;
  migration::DrainPlan::Terms terms_for(const std::string& pool, const BackendList& backends, migration::Cause cause,
                                        const migration::DrainTerms& asked) const;
  void dry_run(migration::DrainPlan::Terms terms, std::function<void(Result<migration::DrainView>)> done);
  migration::DrainView begin(migration::DrainPlan::Terms terms, const std::string& peer);
  void replace_those_within(const migration::DrainPlan::Terms& by);
  bool others_eligible(const migration::DrainPlan& plan) const;
  migration::DrainPlan::Seen look_at(const migration::DrainPlan& plan) const;
  migration::DrainPlan::Seen look_at_rebalance(const migration::DrainPlan& plan) const;
  void let_rest(const migration::DrainPlan& plan);
  void advance(Plan& plan);
  void forget_the_oldest();
  void on_deadline() noexcept override;
  config::Migration settings_of(const std::string& pool) const;

  net::Loop& loop_;
  Workers& workers_;
  const proxy::Admission& admission_;
  const SnapshotNow snapshot_;
  std::map<std::string, config::Migration, std::less<>> settings_;
  std::list<Plan> plans_;
  std::map<std::string, MonotonicTime, std::less<>> rests_until_;  // pools that are not rebalanced before
  std::uint64_t last_id_ = 0;
  bool frozen_ = false;
  bool shutting_down_ = false;
};

}  // namespace drover::app
