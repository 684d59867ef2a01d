// The sections that move live sessions: how those of a pool are moved, and when (migration, lost_backend, on_down,
// rebalance); and the tokens by which clients are known when they come back.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// `map` is the pool's.
void read_migration(Reader& reader, const Field& map, Pool& pool);
void read_resume(Reader& reader, const Field& map, Resume& resume);

}  // namespace drover::config
