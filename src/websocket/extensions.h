// Sec-WebSocket-Extensions, RFC 6455 section 9.1: what is offered and what is chosen.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::websocket {

struct ExtensionParameter {
  std::string name;
  std::optional<std::string> value;  // without quotes and escapes
};

struct Extension {
  std::string name;
  std::vector<ExtensionParameter> parameters;
};

// RFC 9110 section 5.6.2: one or more tchar.
bool is_token(std::string_view text);

// One header line's list, in order; empty elements are passed over (RFC 9110 section 5.6.1.2). None: malformed.
std::optional<std::vector<Extension>> parse_extensions(std::string_view line);

}  // namespace drover::websocket
