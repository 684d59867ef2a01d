// Drives a loop on the test's own thread until something is true; a test that would wait for ever fails instead.
#pragma once

#include <doctest/doctest.h>
#include <uv.h>

#include <functional>

#include "net/loop.h"

namespace drover::net {

inline void run_until(Loop& loop, const std::function<bool()>& happened) {
  bool expired = false;
  uv_timer_t patience;
  uv_timer_init(loop.raw(), &patience);
  patience.data = &expired;
  uv_update_time(loop.raw());
  uv_timer_start(&patience, [](uv_timer_t* timer) { *static_cast<bool*>(timer->data) = true; }, 20'000, 0);
  while (!happened() && !expired) uv_run(loop.raw(), UV_RUN_ONCE);
  bool closed = false;
  patience.data = &closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&patience),
           [](uv_handle_t* handle) { *static_cast<bool*>(handle->data) = true; });
  while (!closed) uv_run(loop.raw(), UV_RUN_NOWAIT);
  REQUIRE(!expired);
}

// A few turns without waiting, for what must not happen.
inline void run_some(Loop& loop) {
  for (int turn = 0; turn < 20; ++turn) uv_run(loop.raw(), UV_RUN_NOWAIT);
}

}  // namespace drover::net
