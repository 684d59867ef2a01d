// What consistent_hash goes by, as text: "client_ip", "header:NAME", "cookie:NAME", "query:NAME", "path:N".
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/config.h"

namespace drover::config {

// Names of headers and cookies are tokens; a query parameter's is percent-encoded, as in a request; segments of the
// path are 1 to 64.
Result<HashKey> parse_hash_key(std::string_view text);
std::string format_hash_key(const HashKey& key);

}  // namespace drover::config
