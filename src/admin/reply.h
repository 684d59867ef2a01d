// What a handler gives back, and the bytes of the response that is made of it.
#pragma once

#include <string>
#include <string_view>

#include "http/answer.h"

namespace drover::admin {

struct Reply {
  unsigned status = 200;
  std::string body;                                    // with the end of its last line
  std::string allow;                                   // for 405: the methods, RFC 9110 section 15.5.6
  std::string_view content_type = "application/json";  // of static storage
};

// `body` is a JSON value of nlohmann's, which headers of ours do not show. What is no UTF-8 in it becomes U+FFFD: paths
// and details may hold any bytes.
template <class Json>
Reply json_reply(unsigned status, const Json& body) {
  return {status, body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", {}};
}

// {"error":"…"}: one sentence that says what was wrong, without a trailing dot.
Reply failure(unsigned status, std::string_view sentence);

using http::Body;

// A whole response, the last of its connection.
std::string response(const Reply& reply, Body sent);

}  // namespace drover::admin
