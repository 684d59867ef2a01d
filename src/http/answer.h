// The short answers that Drover gives itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace drover::http {

// The HTTP status of a code: 400 for kBadRequest … 504 for kGatewayTimeout; codes that no client should see are 502
// where the backend is to blame (kConnectFailed, kConnectTimeout: 503) and 503 where Drover is.
unsigned status_of(Code code);
std::string_view reason_of(unsigned status);

// A whole response, `text/plain`, `Connection: close`; 426 with `Upgrade: websocket` and `Sec-WebSocket-Version: 13`,
// 503 with `Retry-After`, 405 with `Allow`, 401 with `WWW-Authenticate`. The body is one sentence: the error's detail
// where the client is to blame, a general one otherwise (a client learns nothing of backends).
std::string answer_to(const Error& error);

// What a listener's health_path says: {"ready":true} with 200, or {"ready":false} with 503. The reason is not for
// everybody; the admin port tells it.
enum class Ready : std::uint8_t { kYes, kNo };
enum class Body : std::uint8_t { kSent, kLeftOut };  // RFC 9110 section 9.3.2: HEAD has the head of GET alone
std::string readiness_answer(Ready ready, Body sent);

// A page of HTML that is whole in itself, and what its browser lets it do.
struct Page {
  std::string html;
  std::string policy;  // Content-Security-Policy
};
// With 200, for no cache to keep.
std::string page_answer(const Page& page, Body sent);

}  // namespace drover::http
