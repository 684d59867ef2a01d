// A drain plan as one worker carries it out: it hands the worker's sessions of the plan's backends to other backends,
// each in its turn, or tells their clients when to go, and closes those that have not gone by then. A rebalance
// (rebalance_run.cc) does the same with some of them, and closes nobody. One thread, the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "balancer/holder.h"
#include "base/walkable_list.h"
#include "migration/drain.h"
#include "net/loop.h"
#include "net/timer_wheel.h"
#include "proxy/handoff_host.h"
#include "proxy/redial.h"

namespace drover::proxy {

class DrainRun;
class Session;
class Worker;

// That a session has been told to go. A part of the session, until the run lets go of it.
struct Notice {
  enum class Stage : std::uint8_t {
    kToBeMoved,   // its turn to be handed off is near
    kMoving,      // its handoff goes on
    kNotMoved,    // that came to nothing: it is notified or closed instead, at once
    kNotified,    // its client was asked to reconnect
    kToBeClosed,  // its turn to be closed is near
    kClosed,      // it was sent its Close, or goes by itself
  };
  DrainRun& run;
  MonotonicTime due;  // by the plan's clock: then it is closed
  Stage stage;
  migration::Quotas::Claim claim{};  // of a rebalance
};

class DrainRun final : net::TimerWheel::Node {
 public:
  // The worker outlives it, and destroys it when it asks for that (Worker::end_run()).
  DrainRun(Worker& worker, std::shared_ptr<migration::Drain> drain);
  ~DrainRun();  // lets go of all sessions
  DrainRun(const DrainRun&) = delete;
  DrainRun& operator=(const DrainRun&) = delete;

  void start() { on_deadline(); }
  // A session with a notice of this run's has ended.
  void note_end(const Notice& notice, Session& session);
  // One has been handed off, for this run or otherwise, or that has come to nothing.
  void note_handoff(Session& session, const HandedOff& handed_off);

  // How many of the worker's sessions the plan would hand off, notify and close. The worker's thread.
  struct Census {
    std::uint64_t handed_off = 0, notified = 0, closed = 0;
  };
  static Census count(Worker& worker, const migration::Drain& drain);

 private:
  void on_deadline() noexcept override;
  void tell_those_of_backends();
  void tell_all();
  // Sessions that are told, moved or closed before the loop has its next turn.
  static constexpr unsigned kMostATurn = 256;
  enum class Outcome : std::uint8_t { kTold, kNotNow, kNoTurn };
  Outcome tell(Session& session);
  // `backend`: where it is to come to; empty: anywhere.
  bool notify(Session& session, MonotonicTime turn, MonotonicTime clock, std::string_view backend = {});
  void give_notice(Session& session, Notice::Stage stage, MonotonicTime due);
  balancer::Holders& list_of(Notice::Stage stage);
  void set_stage(Session& session, Notice::Stage stage, MonotonicTime due);
  void do_due(balancer::Holders& told, MonotonicTime clock);
  void do_due(Session& session, MonotonicTime clock);
  void hand_off(Session& session, MonotonicTime clock);
  void do_instead(Session& session, MonotonicTime clock);
  void close(Session& session, Notice& notice);
  static bool may_hand_off(const migration::Drain& drain, const Session& session);
  static bool may_notify(const migration::Drain& drain, const Session& session);
  void call_off(const balancer::Backend* backend);
  void call_off(Session& session);

  // Of a rebalance.
  void move_those_above();
  Outcome offer_one_of(std::size_t giver);
  Outcome offer(Session& session, migration::Quotas::Claim claim);
  // How it would be moved; none: not now.
  static std::optional<migration::Mode> way_of(const migration::Drain& drain, const Session& session);
  // Who may take it. Null: nobody.
  Redial::Allows takers_of(const Session& session) const;
  bool ask_to_come(Session& session, MonotonicTime turn, MonotonicTime clock, migration::Quotas::Claim& claim);
  // It was notified, and did not go.
  void let_stay(Session& session);

  void let_go_of(Session& session);
  void let_go(balancer::Holders& holders);
  void let_go_of_those_of(const balancer::Backend& backend, balancer::Holders& holders);

  Worker& worker_;
  const std::shared_ptr<migration::Drain> drain_;
  std::vector<bool> reopened_;  // of the plan's backends: nobody is told any more
  // Those with a notice: whose client has been told, who wait for their turn (both in the order of their dues), and so
  // on.
  balancer::Holders notified_, waiting_, moving_, not_moved_, closed_;
  balancer::Holders not_now_;  // in their handshake, or going by themselves: asked again at the next tick
  balancer::Holders aside_;    // of a rebalance: cannot be moved, as they are now
  MonotonicTime aside_until_{};
  std::size_t next_giver_ = 0;
  unsigned looked_at_ = 0;  // in this tick, as the next
  unsigned done_ = 0;
  std::optional<WalkableList<Session>::Walk> walk_;  // over all of them; none: the next tick begins at the first
};

}  // namespace drover::proxy
