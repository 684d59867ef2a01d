// What a request may do by the token that it shows: RFC 6750 (Bearer) and RFC 7617 (Basic, with the token as password,
// for browsers). Pure functions; no token gets into an error or a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/head.h"

namespace drover::admin {

struct Tokens {
  std::string all;   // opens everything; empty: nothing is asked for
  std::string load;  // opens load reports alone; empty: there is none
};

enum class Grant : std::uint8_t { kNothing, kLoad, kEverything };

// By the request's only Authorization header. Several, malformed ones and wrong tokens grant nothing.
Grant grant_of(const http::RequestHead& head, const Tokens& tokens);

// The header lines of a 401, each with its CRLF: scripts take the first, a browser asks for a name and password by the
// second.
inline constexpr std::string_view kChallenges =
    "WWW-Authenticate: Bearer realm=\"drover\"\r\n"
    "WWW-Authenticate: Basic realm=\"drover\", charset=\"UTF-8\"\r\n";

}  // namespace drover::admin
