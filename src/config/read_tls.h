// The key 'tls' of a listener and of a backend. Paths are made absolute; the files are for others to open.
#pragma once

#include <optional>

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// Both: none where `map` is absent or no map.
std::optional<ListenerTls> read_listener_tls(Reader& reader, const Field& map);
std::optional<BackendTls> read_backend_tls(Reader& reader, const Field& map);

}  // namespace drover::config
