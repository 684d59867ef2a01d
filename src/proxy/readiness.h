// Whether new sessions are welcome: what GET /ready says, on the admin port and at a listener's health_path. Any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "balancer/pool.h"

namespace drover::proxy {

enum class Phase : std::uint8_t {
  kStarting,  // not listening yet
  kServing,
  kShuttingDown,
};

// Why not, in words for people; empty: they are. Panic does not fool it: only what is eligible by its health counts.
std::string obstacle(Phase phase, std::span<const std::shared_ptr<const balancer::Pool>> pools);

}  // namespace drover::proxy
