// Drives a loop on the test's own thread until something is true; a test that would wait for ever fails instead.
#pragma once

#include <doctest/doctest.h>
#include <uv.h>

#include <functional>

#include "net/loop.h"

namespace drover::net {

inline void run_until(Loop& loop, const std::function<bool()>& happened) {
  class Patience final : public TimerWheel::Node {
   public:
    bool expired = false;

   private:
    void on_deadline() noexcept override { expired = true; }
  } patience;
  uv_update_time(loop.raw());
  loop.arm(patience, loop.now() + Milliseconds(20'000));
  while (!happened() && !patience.expired) loop.turn(Loop::Patience::kUntilSomething);
  loop.wheel().disarm(patience);
  REQUIRE(!patience.expired);
}

// A few turns without waiting, for what must not happen.
inline void run_some(Loop& loop) {
  for (int turn = 0; turn < 20; ++turn) loop.turn(Loop::Patience::kNone);
}

}  // namespace drover::net
