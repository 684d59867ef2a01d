// A drain plan from its beginning to its end, as the supervisor sees it: when what is due, how fast, and what to say of
// it. What it decides is carried out by the workers, through its Drain. Arithmetic and states alone; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "migration/drain.h"
#include "migration/drain_view.h"

namespace drover::migration {

// Sessions a second that leave none behind: `wanted`, or what it takes to have `left` go within `window` (above 0).
double effective_pace(double wanted, std::uint64_t left, Milliseconds window);

class DrainPlan {
 public:
  struct Terms {
    std::string id;
    Drain::Order order;  // its pace and last turn are set here
    std::string pool;    // empty: all of Drover
    bool whole_pool = false;
    std::optional<double> pace;  // sessions a second; none: spread over what the deadline leaves
    Milliseconds deadline{0};    // from now
    Milliseconds last_turn{0};   // from now; what is left until the deadline belongs to those who were told last
  };
  // `sessions`: that there are to move now.
  DrainPlan(Terms terms, std::uint64_t sessions, MonotonicTime now);

  // What the supervisor sees of the world.
  struct Seen {
    std::uint64_t active = 0;     // sessions that are still on the plan's backends; of a rebalance: still to move
    bool others_eligible = true;  // there is somebody to take the sessions
    bool frozen = false;
    bool called_back = false;  // all its backends are open again, or the rebalance is not wanted any more
  };
  // What the workers have done. Read before Seen::active, never after: a session that ends is taken off there first, so
  // nobody is counted twice.
  struct Progress {
    std::uint64_t told = 0, moved = 0, leaving = 0;
  };
  Progress progress() const;
  // The next state, and the pace that it takes. True: the state is another one than before.
  bool advance(MonotonicTime now, const Seen& seen, const Progress& done);
  // Ends it where it has not ended; `reason` becomes a warning.
  void cancel(MonotonicTime now, const std::string& reason);

  const std::string& id() const { return terms_.id; }
  const std::string& pool() const { return terms_.pool; }
  bool rebalances() const { return drain_->rebalances(); }
  const std::shared_ptr<Drain>& drain() const { return drain_; }
  DrainState state() const { return state_; }
  bool ended() const { return state_ >= DrainState::kDone; }
  DrainView view(MonotonicTime now) const;
  MonotonicTime started() const { return started_; }
  MonotonicTime ended_at() const { return ended_at_; }

 private:
  bool is_stuck(MonotonicTime now);
  bool is_over(const Progress& done);
  std::uint64_t untold() const;
  std::uint64_t moved() const;
  bool fails() const;
  void set_state(DrainState state, MonotonicTime now);
  void set_pace(MonotonicTime now);
  Milliseconds least_window() const;
  void end(DrainState state, MonotonicTime now);
  std::vector<std::string> warnings() const;

  Terms terms_;
  const MonotonicTime started_;
  double wanted_pace_;
  MonotonicTime deadline_;
  MonotonicTime frozen_since_{};
  MonotonicTime ended_at_{};
  MonotonicTime moved_at_{};  // of a rebalance: when something last went on
  std::uint64_t moved_by_then_ = 0;
  bool was_even_ = false;  // at the look before
  DrainState state_ = DrainState::kRunning;
  std::uint64_t total_;
  std::uint64_t active_;
  std::vector<std::string> warnings_;
  std::shared_ptr<Drain> drain_;
};

}  // namespace drover::migration
