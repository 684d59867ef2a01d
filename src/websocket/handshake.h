// The opening handshake, RFC 6455 section 4, as a proxy must check it: both the client's offer and the backend's
// answer, by value. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/head.h"

namespace drover::websocket {

struct UpgradeRequest {
  std::string key;                        // the client's Sec-WebSocket-Key
  std::vector<std::string> subprotocols;  // offered, in order
  std::vector<std::string> extensions;    // names offered, without parameters
};

// None: an ordinary HTTP request (no Upgrade: websocket with Connection: upgrade).
// Errors, Side::kClient: kBadRequest, kUnsupportedVersion. RULES 'The request'.
Result<std::optional<UpgradeRequest>> check_request(const http::RequestHead& head);

struct UpgradeAnswer {
  std::string subprotocol;          // chosen; empty: none
  std::string extensions;           // Sec-WebSocket-Extensions as answered; empty: none
  bool permessage_deflate = false;  // it owns RSV1, RFC 7692 section 6
};

// Checks a 101 against what was asked. `key` is the one that this dial sent.
// Errors: kBadGateway, Side::kBackend. RULES 'The backend's answer'.
Result<UpgradeAnswer> check_answer(const http::ResponseHead& head, const UpgradeRequest& asked, std::string_view key);

// base64(SHA-1(key + GUID)), RFC 6455 section 4.2.2.
std::string accept_of(std::string_view key);

// 16 random bytes in base64. Empty: the system has none to give.
std::string fresh_key();

// Whether `origin` is one of `allowed`: exact (ASCII case-insensitive), or "https://*.example.com" for any
// subdomain at any depth but not the domain itself. An empty list allows any.
bool origin_allowed(std::string_view origin, const std::vector<std::string>& allowed);

}  // namespace drover::websocket
