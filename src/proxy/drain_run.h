// A drain plan as one worker carries it out: it tells the worker's sessions of the plan's backends when to go, each in
// its turn, and closes those that have not gone by then. One thread, the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "balancer/holder.h"
#include "base/walkable_list.h"
#include "migration/drain.h"
#include "net/loop.h"
#include "net/timer_wheel.h"

namespace drover::proxy {

class DrainRun;
class Session;
class Worker;

// That a session has been told to go. A part of the session, until the run lets go of it.
struct Notice {
  enum class Stage : std::uint8_t {
    kNotified,    // its client was asked to reconnect
    kToBeClosed,  // its turn to be closed is near
    kClosed,      // it was sent its Close, or goes by itself
  };
  DrainRun& run;
  MonotonicTime due;  // by the plan's clock: then it is closed
  Stage stage;
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

  // How many of the worker's sessions the plan would notify and close. The worker's thread.
  struct Census {
    std::uint64_t notified = 0, closed = 0;
  };
  static Census count(Worker& worker, const migration::Drain& drain);

 private:
  void on_deadline() noexcept override;
  void tell_those_of_backends();
  void tell_all();
  enum class Outcome : std::uint8_t { kTold, kNotNow, kNoTurn };
  Outcome tell(Session& session);
  bool notify(Session& session, MonotonicTime turn, MonotonicTime clock);
  void give_notice(Session& session, Notice::Stage stage, MonotonicTime due);
  void close_due(balancer::Holders& told, MonotonicTime clock);
  void close(Session& session, Notice& notice);
  void let_go_of(Session& session);
  void let_go(balancer::Holders& holders);
  void let_go_of_those_of(const balancer::Backend& backend, balancer::Holders& holders);

  Worker& worker_;
  const std::shared_ptr<migration::Drain> drain_;
  std::vector<bool> reopened_;  // of the plan's backends: nobody is told any more
  // Those with a notice, by its stage; the first two in the order of their dues.
  balancer::Holders notified_, to_be_closed_, closed_;
  balancer::Holders not_now_;  // in their handshake, or going by themselves: asked again at the next tick
  std::optional<WalkableList<Session>::Walk> walk_;  // over all of them; none: the next tick begins at the first
};

}  // namespace drover::proxy
