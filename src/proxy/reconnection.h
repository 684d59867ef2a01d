// What a client says to Drover itself in its upgrade: a resume token, and that it understands being asked to reconnect
// (DESIGN section 7). None of it goes on to a backend. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"

namespace drover::proxy {

struct Reconnection {
  std::string token;               // as it came; empty: none
  std::string_view contradiction;  // why it is not to be believed, unopened; empty: nothing speaks against it
  bool asked = false;              // the client wants to be asked to reconnect, rather than cut off
  // The subprotocol that Drover chooses where the backend chooses none; empty: none either. Browsers take no answer
  // without one for an offer that has some.
  std::string subprotocol;
  // For http::ForwardingContext: none where the client's own stays as it is.
  std::optional<std::string> query;
  std::optional<std::string> offer;
};

// Takes Drover's own entries out of `offered`, which is the offer of `request`. Names are matched byte for byte,
// nothing is decoded. A token may come as query parameter `session_token`, header X-Session-Token or subprotocol
// `drover.token.<token>`; an empty one is none. The same one in two of these places is one; a second in one place, or
// another in another, is a contradiction.
Reconnection take_reconnection(const http::RequestHead& request, std::vector<std::string>& offered);

// The target in origin form as the client would ask for it again: without its old token.
std::string target_without_token(const http::RequestHead& request);

}  // namespace drover::proxy
