// Sec-WebSocket-Extensions, RFC 6455 section 9.1: what is offered and what is chosen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drover::websocket {

// RFC 9110 section 5.6.2: one or more tchar.
bool is_token(std::string_view text);

// Appends the extensions' names in one header line's list to `names`, in order; empty elements are passed over (RFC
// 9110 section 5.6.1.2). Parameters have to keep to the grammar, and are left out: they pass through Drover untouched.
// False: the line is malformed, `names` may have grown.
bool read_extension_names(std::string_view line, std::vector<std::string>& names);

}  // namespace drover::websocket
