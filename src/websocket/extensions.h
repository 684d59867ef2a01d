// Sec-WebSocket-Extensions, RFC 6455 section 9.1: what is offered and what is chosen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drover::websocket {

inline constexpr std::string_view kPermessageDeflate = "permessage-deflate";  // RFC 7692 section 7

// RFC 9110 section 5.6.2: one or more tchar.
bool is_token(std::string_view text);

// Appends the extensions' names in one header line's list to `names`, in order; empty elements are passed over (RFC
// 9110 section 5.6.1.2). Parameters have to keep to the grammar, and are left out: they pass through Drover untouched.
// False: the line is malformed, `names` may have grown.
bool read_extension_names(std::string_view line, std::vector<std::string>& names);

// What a backend has chosen, as far as a session's move to another backend depends on it.
struct Extensions {
  bool permessage_deflate = false;
  bool client_no_context_takeover = false;  // RFC 7692 section 7.1.1
  bool server_no_context_takeover = false;
  bool others = false;  // an extension besides permessage-deflate, or an answer that is malformed
  // Equal for two answers that mean the same: names in lower case, values without quotes, parameters sorted, windows
  // of 15 bits left out, since no number means those (section 7.1.2). A malformed answer as it is.
  std::string canonical;
};
// `answer` is UpgradeAnswer::extensions; empty: none were chosen.
Extensions read_extensions(std::string_view answer);

}  // namespace drover::websocket
