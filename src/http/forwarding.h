// Which headers go to the other side and which Drover sets itself (DESIGN section 4): what the backend and the
// client get to read. Pure functions from heads to bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/head.h"

namespace drover::http {

enum class Scheme : std::uint8_t { kHttp, kHttps };
// Whether the peer is one of `trusted_proxies`, whose X-Forwarded-* and X-Request-ID are kept.
enum class PeerTrust : std::uint8_t { kUntrusted, kTrusted };

struct ForwardingContext {
  std::string_view peer_address;  // the TCP peer, without port and brackets: "10.0.0.7", "::1"
  std::uint16_t listener_port = 0;
  Scheme scheme = Scheme::kHttp;
  PeerTrust trust = PeerTrust::kUntrusted;
  std::string_view request_id;  // Drover's own; a trusted peer's wins
  std::string_view session;     // resume_id, for X-Drover-Session
  // Of the certificate that the client has proved to own, for X-Drover-Client-Subject (RFC 2253, printable ASCII) and
  // -Fingerprint; empty: it has shown none.
  std::string_view client_subject{};
  std::string_view client_fingerprint{};
  std::size_t strip_prefix = 0;  // bytes of path to take out of the target's front
  // What stands in the place of the client's query (behind '?') and of all its Sec-WebSocket-Protocol lines; empty: it
  // is left out; none: as the client has it.
  std::optional<std::string_view> query{};
  std::optional<std::string_view> subprotocols{};
};

struct ForwardedRequest {
  std::string head;                         // open: head_for_dial() adds what each dial has of its own, and the end
  std::string request_id;                   // the one that was sent
  bool ignored_forwarding_headers = false;  // an untrusted peer sent X-Forwarded-*, X-Real-IP or X-Request-ID
};

// What all dials of a session have in common of the upgrade request for a backend, so that it can be kept for one to
// another backend. `request` has passed websocket::check_request().
ForwardedRequest forward_upgrade(const RequestHead& request, const ForwardingContext& context);

// What each dial adds; nothing of it comes from a client's head but the key.
struct DialLines {
  std::string_view websocket_key;       // Sec-WebSocket-Key: the client's own once, then a fresh one each time
  std::string_view handoff{};           // X-Drover-Handoff; empty: not sent
  bool resumed = false;                 // X-Drover-Resumed: the session was at a backend before
  std::string_view previous_backend{};  // X-Drover-Previous-Backend, its name; empty: not sent
};

// The whole head for one dial, empty line included.
std::string head_for_dial(std::string_view open_head, const DialLines& lines);

// The 101 for the client: the backend's, without hop-by-hop headers, X-Drover-* and Content-Length, with Upgrade,
// Connection and `accept` (computed from the client's own key). `subprotocol`: one to choose in the backend's place,
// which has chosen none; empty: none.
std::string forward_switching(const ResponseHead& response, std::string_view accept, std::string_view subprotocol = {});

// Any other answer, as it is, but for X-Drover-*, hop-by-hop headers other than Transfer-Encoding, and `Connection:
// close`.
std::string forward_refusal(const ResponseHead& response);

}  // namespace drover::http
