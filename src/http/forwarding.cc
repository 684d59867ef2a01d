// Towards the backend everything passes but what is listed here; then Drover's own headers follow. Towards the client
// likewise. Values are never rewritten, only whole lines left out or put in.
#include "http/forwarding.h"

#include <algorithm>
#include <vector>

namespace drover::http {
namespace {

using NameList = std::vector<std::string_view>;

// RFC 9110 section 7.6.1, with RFC 2616's Trailer and Keep-Alive, and what only goes with h2c. Content-Length has no
// meaning on an upgrade. Proxy-Authorization is not here: section 11.7.2 lets only the proxy that asked for
// credentials consume them, and Drover never asks.
constexpr NameSet kNotForTheBackend = {
    HeaderName::kConnection, HeaderName::kKeepAlive,     HeaderName::kProxyConnection,
    HeaderName::kTe,         HeaderName::kTrailer,       HeaderName::kTransferEncoding,
    HeaderName::kUpgrade,    HeaderName::kContentLength, HeaderName::kHttp2Settings};

// Proxy-Authenticate and Proxy-Authentication-Info speak to the next client on the chain alone, which is Drover: RFC
// 9110 sections 11.7.1 and 11.7.3. How busy a backend is (endpoint-load-metrics) is told to Drover, not to the world.
constexpr NameSet kNotForTheClient = {HeaderName::kConnection,
                                      HeaderName::kKeepAlive,
                                      HeaderName::kProxyConnection,
                                      HeaderName::kTe,
                                      HeaderName::kTrailer,
                                      HeaderName::kUpgrade,
                                      HeaderName::kProxyAuthenticate,
                                      HeaderName::kProxyAuthenticationInfo,
                                      HeaderName::kEndpointLoadMetrics};

// Beside them, of a 101. RFC 9110 section 8.6: no Content-Length on a 1xx; ASP.NET sends one.
constexpr NameSet kNotOnSwitching = {HeaderName::kContentLength, HeaderName::kTransferEncoding,
                                     HeaderName::kSecWebSocketAccept};

// Framing is never Connection's to drop: the body that follows depends on it.
constexpr NameSet kFraming = {HeaderName::kContentLength, HeaderName::kTransferEncoding};

// Drover's alone, whoever says it and however it is spelled: what Drover tells backends, a resume token, and the key,
// which each dial has of its own.
constexpr NameSet kDroversOwn = {HeaderName::kXDrover, HeaderName::kXSessionToken, HeaderName::kSecWebSocketKey};

// What Drover sets towards the backend, X-Drover-* aside.
constexpr NameSet kSetForTheBackend = {HeaderName::kXForwardedFor,  HeaderName::kXForwardedProto,
                                       HeaderName::kXForwardedHost, HeaderName::kXForwardedPort,
                                       HeaderName::kXRealIp,        HeaderName::kXRequestId};
constexpr std::size_t kMaxRequestId = 128;
// Bytes that Drover adds to a head: one allocation, unless a proxy before it is trusted and says much.
constexpr std::size_t kAddedForTheBackend = 512;
constexpr std::size_t kAddedForTheDial = 256;
constexpr std::size_t kAddedForTheClient = 128;
constexpr std::string_view kWebSocketPrefix = "sec-websocket-";

bool has_prefix(std::string_view name, std::string_view prefix) {
  return same_name(name.substr(0, prefix.size()), prefix);
}

// The headers that Connection asks to drop, RFC 9110 section 7.6.1; but it must not drop what the handshake is made of.
NameList named_by_connection(const HeaderList& head) {
  NameList named;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head.class_at(i).known != HeaderName::kConnection) continue;
    auto rest = head.at(i).value;
    for (auto name = next_element(rest); !name.empty(); name = next_element(rest)) {
      const bool needed = same_name(name, "host") || has_prefix(name, kWebSocketPrefix);
      if (!needed && !same_name(name, "upgrade")) named.push_back(name);
    }
  }
  return named;
}

bool is_named(std::string_view name, const NameList& named) {
  return std::ranges::any_of(named, [name](std::string_view one) { return same_name(one, name); });
}

// In one step, since heads consist of little else: append() would look for room four times.
void append_line(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::string_view kColon = ": ";
  constexpr std::string_view kEnd = "\r\n";
  const auto before = out.size();
  const auto after = before + name.size() + kColon.size() + value.size() + kEnd.size();
  out.resize_and_overwrite(after, [&](char* text, std::size_t size) {
    char* at = text + before;
    for (const auto part : {name, kColon, value, kEnd}) at += part.copy(at, part.size());
    return size;
  });
}

// The target in origin form (RFC 9112 section 3.2.1), as the backend gets it.
void append_origin_target(std::string& out, const RequestHead& request, const ForwardingContext& context) {
  const auto path = request.path();
  const auto kept = path.substr(std::min(context.strip_prefix, path.size()));
  if (!kept.starts_with('/')) out.append("/");
  out.append(kept);
  const bool has_query = context.query ? !context.query->empty() : request.target().contains('?');
  if (has_query) out.append("?").append(context.query.value_or(request.query()));
}

// Where the client's first line stood, all of the offer that is left; nothing where its others stood.
void append_subprotocols(std::string& out, std::string_view name, std::string_view& offer) {
  if (!offer.empty()) append_line(out, name, offer);
  offer = {};
}

bool is_sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestId &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c <= '~'; });
}

// The headers that a trusted peer may have set already; from others they are not looked at.
class Incoming {
 public:
  Incoming(const RequestHead& request, PeerTrust trust) : request_(request), trusted_(trust == PeerTrust::kTrusted) {}

  std::string_view value_or(HeaderName name, std::string_view ours) const {
    const auto value = trusted_ ? request_.find(name).value_or("") : std::string_view();
    return value.empty() ? ours : value;
  }

  // Several lines are one list, RFC 9110 section 5.3; the peer is its last element.
  std::string list_with(HeaderName name, std::string_view peer) const {
    std::string list;
    for (std::size_t i = 0; trusted_ && i < request_.size(); ++i) {
      const auto value = request_.at(i).value;
      if (request_.class_at(i).known == name && !value.empty()) list.append(value).append(", ");
    }
    return list.append(peer);
  }

 private:
  const RequestHead& request_;
  bool trusted_;
};

// Which of the client's headers the backend gets to see.
class RequestFilter {
 public:
  RequestFilter(const RequestHead& request, const ForwardingContext& context)
      : named_(named_by_connection(request)), trust_(context.trust) {}

  bool passes(NameClass name, std::string_view spelled) const {
    return !kNotForTheBackend.contains(name.known) && !is_named(spelled, named_) && !kDroversOwn.contains(name.twin) &&
           !is_forwarding(name);
  }

  // Whether it is a header that Drover sets, or one that only a trusted peer may set (RFC 7239's among them: a backend
  // that believes it must not be told by just anybody).
  bool is_forwarding(NameClass name) const {
    if (kSetForTheBackend.contains(name.twin)) return true;
    return trust_ == PeerTrust::kUntrusted &&
           (name.twin == HeaderName::kXForwardedOther || name.known == HeaderName::kForwarded);
  }

 private:
  NameList named_;
  PeerTrust trust_;
};

// The status line, and what the client may see of the backend's headers.
std::string start_for_client(const ResponseHead& response, std::string_view standard_reason, NameSet without) {
  std::string head;
  head.reserve(response.bytes() + kAddedForTheClient);
  head.append("HTTP/1.1 ")
      .append(std::to_string(response.status()))
      .append(" ")
      .append(response.reason().empty() ? standard_reason : response.reason())
      .append("\r\n");
  const auto named = named_by_connection(response);
  for (std::size_t i = 0; i < response.size(); ++i) {
    const auto [known, twin] = response.class_at(i);
    if (kNotForTheClient.contains(known) || without.contains(known) || twin == HeaderName::kXDrover) continue;
    const auto [name, value] = response.at(i);
    if (kFraming.contains(known) || !is_named(name, named)) append_line(head, name, value);
  }
  return head;
}

}  // namespace

ForwardedRequest forward_upgrade(const RequestHead& request, const ForwardingContext& context) {
  const Incoming incoming(request, context.trust);
  const RequestFilter filter(request, context);
  ForwardedRequest forwarded;

  auto& head = forwarded.head;
  head.reserve(request.bytes() + kAddedForTheBackend);
  head.append(request.method()).append(" ");
  append_origin_target(head, request, context);
  head.append(" HTTP/1.1\r\n");
  auto offer = context.subprotocols.value_or("");
  for (std::size_t i = 0; i < request.size(); ++i) {
    const auto name_class = request.class_at(i);
    const auto [name, value] = request.at(i);
    if (context.trust == PeerTrust::kUntrusted && filter.is_forwarding(name_class))
      forwarded.ignored_forwarding_headers = true;
    if (!filter.passes(name_class, name)) continue;
    if (context.subprotocols && name_class.known == HeaderName::kSecWebSocketProtocol) {
      append_subprotocols(head, name, offer);
    } else {
      append_line(head, name, value);
    }
  }

  forwarded.request_id = incoming.value_or(HeaderName::kXRequestId, context.request_id);
  if (!is_sane_request_id(forwarded.request_id)) forwarded.request_id = context.request_id;

  append_line(head, "Connection", "Upgrade");
  append_line(head, "Upgrade", "websocket");
  append_line(head, "X-Forwarded-For", incoming.list_with(HeaderName::kXForwardedFor, context.peer_address));
  append_line(head, "X-Forwarded-Proto",
              incoming.value_or(HeaderName::kXForwardedProto, context.scheme == Scheme::kHttps ? "https" : "http"));
  append_line(head, "X-Forwarded-Host", incoming.value_or(HeaderName::kXForwardedHost, request.host()));
  append_line(head, "X-Forwarded-Port",
              incoming.value_or(HeaderName::kXForwardedPort, std::to_string(context.listener_port)));
  append_line(head, "X-Real-IP", incoming.value_or(HeaderName::kXRealIp, context.peer_address));
  append_line(head, "X-Request-ID", forwarded.request_id);
  append_line(head, "X-Drover-Session", context.session);
  if (!context.client_fingerprint.empty()) {
    append_line(head, "X-Drover-Client-Subject", context.client_subject);
    append_line(head, "X-Drover-Client-Fingerprint", context.client_fingerprint);
  }
  return forwarded;
}

std::string head_for_dial(std::string_view open_head, const DialLines& lines) {
  std::string head;
  head.reserve(open_head.size() + kAddedForTheDial);
  head.append(open_head);
  append_line(head, "Sec-WebSocket-Key", lines.websocket_key);
  if (!lines.handoff.empty()) append_line(head, "X-Drover-Handoff", lines.handoff);
  if (lines.resumed) append_line(head, "X-Drover-Resumed", "1");
  if (!lines.previous_backend.empty()) append_line(head, "X-Drover-Previous-Backend", lines.previous_backend);
  return head.append("\r\n");
}

std::string forward_switching(const ResponseHead& response, std::string_view accept, std::string_view subprotocol) {
  auto head = start_for_client(response, "Switching Protocols", kNotOnSwitching);
  append_line(head, "Connection", "Upgrade");
  append_line(head, "Upgrade", "websocket");
  append_line(head, "Sec-WebSocket-Accept", accept);
  if (!subprotocol.empty()) append_line(head, "Sec-WebSocket-Protocol", subprotocol);
  return head.append("\r\n");
}

std::string forward_refusal(const ResponseHead& response) {
  auto head = start_for_client(response, "", {});
  if (response.status() == 426) {
    // RFC 9110 sections 15.5.22 and 7.8: a 426 says to what, and Connection names Upgrade.
    append_line(head, "Upgrade", "websocket");
    append_line(head, "Connection", "close, Upgrade");
  } else {
    append_line(head, "Connection", "close");
  }
  return head.append("\r\n");
}

}  // namespace drover::http
