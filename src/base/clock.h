// Time inside Drover is monotonic milliseconds: a clock that is set back or forward times nothing out.
#pragma once

#include <chrono>

namespace drover {

using Milliseconds = std::chrono::milliseconds;
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Milliseconds>;

// Reads the clock; on a loop's thread prefer Loop::now(), which is cached a turn.
inline MonotonicTime monotonic_now() {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now());
}

}  // namespace drover
