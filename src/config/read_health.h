// How a pool learns which of its backends to use: health_check, resolve_interval, ejection, panic_threshold.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// `map` is the pool's.
void read_health(Reader& reader, const Field& map, Pool& pool);

}  // namespace drover::config
