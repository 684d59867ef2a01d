// Routes: what they match, and whether each can be reached and its pool exists.
#pragma once

#include <span>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// In the order of the file; without any, one that sends everything to the pool "default".
std::vector<Route> read_routes(Reader& reader, const Field& top, std::span<const Pool> pools);

}  // namespace drover::config
