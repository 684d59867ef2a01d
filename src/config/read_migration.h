// The sections that move live sessions: how the clients of a pool are told to reconnect, and the tokens by which they
// are known when they come back.
#pragma once

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

void read_migration(Reader& reader, const Field& map, Migration& migration);
void read_resume(Reader& reader, const Field& map, Resume& resume);

}  // namespace drover::config
