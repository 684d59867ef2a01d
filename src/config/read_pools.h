// Pools in the long form (pools.<name>) and the pool "default" in the short form (its keys at top level).
#pragma once

#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

inline constexpr std::string_view kDefaultPool = "default";

// In the order of the file, the short form last. Reports what is wrong with them, and when there are none.
std::vector<Pool> read_pools(Reader& reader, const Field& top);

}  // namespace drover::config
