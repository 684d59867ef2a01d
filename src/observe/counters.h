// What one worker counts, but for what belongs to a pool (pool_counters.h) or a backend (balancer/traffic.h). Only the
// worker writes, anybody may read: no lock, no shared cache line on the data path.
#pragma once

#include <array>

#include "base/counter.h"
#include "base/error.h"

namespace drover::observe {

struct alignas(64) Counters {
  Counter accepted;            // connections
  Counter exhausted;           // accepts and dials that failed for want of descriptors, memory or ports
  Counter ended;               // sessions
  Counter ignored_forwarding;  // requests whose X-Forwarded-* came from a peer that is not trusted
  std::array<Counter, kAnswerableCodes> rejected;  // answers of Drover's own (4xx, 5xx), by Code
};

}  // namespace drover::observe
