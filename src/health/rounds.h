// Repeats something that takes time: begins it by a schedule, cuts it at its timeout, and never begins it twice at
// once. One thread.
#pragma once

#include <functional>

#include "health/schedule.h"
#include "net/loop.h"

namespace drover::health {

class Rounds final : net::TimerWheel::Node {
 public:
  struct Task {
    std::function<void()> begin;  // calls end() once it is done, from the loop
    std::function<void()> cut;    // it has not ended in time
  };
  Rounds(net::Loop& loop, const Schedule& schedule, Milliseconds timeout, Task task);
  ~Rounds();
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  void start(MonotonicTime first) { loop_.arm(*this, first); }
  // The round that was begun is over; the next will come.
  void end();

 private:
  void on_deadline() noexcept override;

  net::Loop& loop_;
  const Schedule schedule_;
  const Milliseconds timeout_;
  const Task task_;
  bool under_way_ = false;
};

}  // namespace drover::health
