// What one worker counts, but for what its tunnels carry (balancer/traffic.h). Only the worker writes, anybody may
// read: no lock, no shared cache line on the data path.
#pragma once

#include "base/counter.h"

namespace drover::observe {

struct alignas(64) Counters {
  Counter accepted;            // connections
  Counter refused_full;        // connections answered 503 because of limits.max_connections
  Counter exhausted;           // accepts and dials that failed for want of descriptors, memory or ports
  Counter upgraded;            // 101s passed to clients
  Counter answered;            // answers of Drover's own (4xx, 5xx)
  Counter dial_failures;       // attempts on a backend that failed, whoever is to blame
  Counter ended;               // sessions
  Counter protocol_errors;     // tunnels ended for a frame that breaks a rule
  Counter ignored_forwarding;  // requests whose X-Forwarded-* came from a peer that is not trusted
};

}  // namespace drover::observe
