// How the backends of a pool compare at this moment, as a pick would find it.
#pragma once

#include <optional>
#include <vector>

#include "balancer/pool.h"
#include "balancer/score.h"
#include "base/clock.h"

namespace drover::admin {

struct Scored {
  const balancer::Backend* backend;      // the pool's
  std::optional<balancer::Score> score;  // none: it is not eligible
};

// All backends of the pool, in its order. Each is looked at once: the states may change meanwhile. Any thread.
std::vector<Scored> scored(const balancer::Pool& pool, balancer::Standard standard, MonotonicTime now);

}  // namespace drover::admin
