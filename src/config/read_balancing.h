// How a pool chooses among its backends: policy, choices, score, slow_start.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// `map` is the pool's.
void read_balancing(Reader& reader, const Field& map, Pool& pool);

}  // namespace drover::config
