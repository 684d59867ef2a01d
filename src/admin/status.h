// What the admin server tells about the process, as plain values, and where it asks for them and for the pools. The
// supervisor answers: the admin folder looks into no worker itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "balancer/pool.h"

namespace drover::admin {

enum class Phase : std::uint8_t {
  kStarting,  // not listening yet
  kServing,
  kShuttingDown,
};

struct PoolStatus {
  std::string name;
  std::size_t backends = 0;
  std::size_t eligible = 0;  // of them
};

struct Status {
  std::string version;
  std::chrono::seconds uptime{0};
  Phase phase = Phase::kStarting;
  std::uint32_t active_connections = 0;
  std::uint32_t max_connections = 0;
  std::uint64_t resident_bytes = 0;     // resident_bytes() below
  std::uint64_t log_lines_dropped = 0;  // since the start
  std::vector<PoolStatus> pools;
};

using Pools = std::vector<std::shared_ptr<const balancer::Pool>>;

// Called on the admin server's loop, a request at a time; it may read what other threads share, and must not wait.
struct StatusSource {
  std::function<Status()> status;
  // Those in force. The pools are immutable, their backends are not.
  std::function<Pools()> pools;
};

// Physical memory that the process holds; 0 where /proc does not tell.
std::uint64_t resident_bytes();

}  // namespace drover::admin
