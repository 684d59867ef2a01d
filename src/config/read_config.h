// The whole document, its structure checked, as a Config.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// Reports what is wrong; the result is of use only where nothing was.
Config read_config(Reader& reader, const Field& top);

}  // namespace drover::config
