// The tree against the schema: unknown, duplicate, later and missing keys, and values of the wrong kind. The
// readers of the sections can then ask for what they know and ignore the rest.
#pragma once

#include "config/reader.h"

namespace drover::config {

// Reports every fault in the structure of the whole document.
void check_structure(Reader& reader, const Field& top);

}  // namespace drover::config
