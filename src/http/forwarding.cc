// Towards the backend everything passes but what is listed here; then Drover's own headers follow. Towards the client
// likewise. Values are never rewritten, only whole lines left out or put in.
#include "http/forwarding.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace drover::http {
namespace {

using Names = std::span<const std::string_view>;
using NameList = std::vector<std::string_view>;

// RFC 9110 section 7.6.1, with RFC 2616's Trailer and Keep-Alive, and what only goes with h2c. Content-Length has no
// meaning on an upgrade. Proxy-Authorization is not here: section 11.7.2 lets only the proxy that asked for
// credentials consume them, and Drover never asks.
constexpr std::array<std::string_view, 9> kNotForTheBackend = {"connection", "keep-alive",     "proxy-connection",
                                                               "te",         "trailer",        "transfer-encoding",
                                                               "upgrade",    "content-length", "http2-settings"};

// Proxy-Authenticate and Proxy-Authentication-Info speak to the next client on the chain alone, which is Drover: RFC
// 9110 sections 11.7.1 and 11.7.3.
constexpr std::array<std::string_view, 8> kNotForTheClient = {
    "connection", "keep-alive", "proxy-connection",   "te",
    "trailer",    "upgrade",    "proxy-authenticate", "proxy-authentication-info"};

// What Drover sets towards the backend, X-Drover-* aside.
constexpr std::string_view kForwardedFor = "X-Forwarded-For";
constexpr std::string_view kForwardedProto = "X-Forwarded-Proto";
constexpr std::string_view kForwardedHost = "X-Forwarded-Host";
constexpr std::string_view kForwardedPort = "X-Forwarded-Port";
constexpr std::string_view kRealIp = "X-Real-IP";
constexpr std::string_view kRequestId = "X-Request-ID";
constexpr std::array<std::string_view, 6> kSetForTheBackend = {kForwardedFor,  kForwardedProto, kForwardedHost,
                                                               kForwardedPort, kRealIp,         kRequestId};
constexpr std::size_t kMaxRequestId = 128;
constexpr std::size_t kTypicalHead = 1024;  // bytes of a browser's upgrade with what Drover adds: one allocation
constexpr std::string_view kForwardedPrefix = "x-forwarded-";
constexpr std::string_view kDroverPrefix = "x-drover-";
constexpr std::string_view kWebSocketPrefix = "sec-websocket-";
constexpr std::string_view kWebSocketKey = "Sec-WebSocket-Key";
constexpr std::string_view kWebSocketAccept = "Sec-WebSocket-Accept";

// Beside kNotForTheClient, of a 101. RFC 9110 section 8.6: no Content-Length on a 1xx; ASP.NET sends one.
constexpr std::array<std::string_view, 3> kNotOnSwitching = {"content-length", "transfer-encoding", kWebSocketAccept};

bool is_one_of(std::string_view name, Names names) {
  return std::ranges::any_of(names, [&](std::string_view one) { return same_name(one, name); });
}

constexpr char fold(char c) {
  if (c == '_') return '-';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The names are one to a server that puts headers into variables, as CGI and its heirs do (HTTP_X_FORWARDED_FOR):
// '_' and '-' are the same letter here.
bool are_twins(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, fold, fold);
}
bool starts_as_twin(std::string_view name, std::string_view prefix) {
  return are_twins(name.substr(0, prefix.size()), prefix);
}

bool has_prefix(std::string_view name, std::string_view prefix) {
  return same_name(name.substr(0, prefix.size()), prefix);
}

// The headers that Connection asks to drop, RFC 9110 section 7.6.1; but it must not drop what the handshake is made of.
NameList named_by_connection(const HeaderList& head) {
  NameList named;
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto header = head.at(i);
    if (!same_name(header.name, "connection")) continue;
    auto rest = header.value;
    for (auto name = next_element(rest); !name.empty(); name = next_element(rest)) {
      const bool needed = same_name(name, "host") || has_prefix(name, kWebSocketPrefix);
      if (!needed && !same_name(name, "upgrade")) named.push_back(name);
    }
  }
  return named;
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// The target in origin form (RFC 9112 section 3.2.1), without `strip` bytes of its path.
std::string origin_target(const RequestHead& request, std::size_t strip) {
  const auto path = request.path();
  const auto kept = path.substr(std::min(strip, path.size()));
  std::string target = kept.starts_with('/') ? "" : "/";
  target.append(kept);
  if (request.target().contains('?')) target.append("?").append(request.query());
  return target;
}

bool is_sane_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestId &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c <= '~'; });
}

// The headers that a trusted peer may have set already; from others they are not looked at.
class Incoming {
 public:
  Incoming(const RequestHead& request, PeerTrust trust) : request_(request), trusted_(trust == PeerTrust::kTrusted) {}

  std::string_view value_or(std::string_view name, std::string_view ours) const {
    const auto value = trusted_ ? request_.find(name).value_or("") : std::string_view();
    return value.empty() ? ours : value;
  }

  // Several lines are one list, RFC 9110 section 5.3; the peer is its last element.
  std::string list_with(std::string_view name, std::string_view peer) const {
    std::string list;
    for (std::size_t i = 0; trusted_ && i < request_.size(); ++i) {
      const auto header = request_.at(i);
      if (same_name(header.name, name) && !header.value.empty()) list.append(header.value).append(", ");
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

  bool passes(std::string_view name) const {
    if (is_one_of(name, kNotForTheBackend) || is_one_of(name, named_)) return false;
    if (starts_as_twin(name, kDroverPrefix) || is_forwarding(name)) return false;
    // Drover may have to set another key: the twin of the first one must not stand beside it.
    return same_name(name, kWebSocketKey) || !are_twins(name, kWebSocketKey);
  }

  // Whether it is a header that Drover sets, or one that only a trusted peer may set (RFC 7239's among them: a backend
  // that believes it must not be told by just anybody).
  bool is_forwarding(std::string_view name) const {
    if (trust_ == PeerTrust::kUntrusted && (starts_as_twin(name, kForwardedPrefix) || same_name(name, "forwarded")))
      return true;
    return std::ranges::any_of(kSetForTheBackend, [&](std::string_view ours) { return are_twins(name, ours); });
  }

 private:
  NameList named_;
  PeerTrust trust_;
};

std::string status_line(const ResponseHead& response, std::string_view standard_reason) {
  const auto reason = response.reason().empty() ? standard_reason : response.reason();
  return "HTTP/1.1 " + std::to_string(response.status()) + " " + std::string(reason) + "\r\n";
}

void append_for_client(std::string& out, const ResponseHead& response, Names without) {
  const auto named = named_by_connection(response);
  for (std::size_t i = 0; i < response.size(); ++i) {
    const auto [name, value] = response.at(i);
    if (is_one_of(name, kNotForTheClient) || is_one_of(name, without) || starts_as_twin(name, kDroverPrefix)) continue;
    // Framing is never Connection's to drop: the body that follows depends on it.
    const bool framing = same_name(name, "content-length") || same_name(name, "transfer-encoding");
    if (framing || !is_one_of(name, named)) append_line(out, name, value);
  }
}

}  // namespace

ForwardedRequest forward_upgrade(const RequestHead& request, const ForwardingContext& context) {
  const Incoming incoming(request, context.trust);
  const RequestFilter filter(request, context);
  ForwardedRequest forwarded;

  auto& head = forwarded.head;
  head.reserve(kTypicalHead);
  head.append(request.method())
      .append(" ")
      .append(origin_target(request, context.strip_prefix))
      .append(" HTTP/1.1\r\n");
  for (std::size_t i = 0; i < request.size(); ++i) {
    const auto [name, value] = request.at(i);
    if (context.trust == PeerTrust::kUntrusted && filter.is_forwarding(name))
      forwarded.ignored_forwarding_headers = true;
    if (!filter.passes(name)) continue;
    const bool replaced = !context.websocket_key.empty() && same_name(name, kWebSocketKey);
    append_line(head, name, replaced ? context.websocket_key : value);
  }

  forwarded.request_id = incoming.value_or(kRequestId, context.request_id);
  if (!is_sane_request_id(forwarded.request_id)) forwarded.request_id = context.request_id;

  append_line(head, "Connection", "Upgrade");
  append_line(head, "Upgrade", "websocket");
  append_line(head, kForwardedFor, incoming.list_with(kForwardedFor, context.peer_address));
  append_line(head, kForwardedProto,
              incoming.value_or(kForwardedProto, context.scheme == Scheme::kHttps ? "https" : "http"));
  append_line(head, kForwardedHost, incoming.value_or(kForwardedHost, request.host()));
  append_line(head, kForwardedPort, incoming.value_or(kForwardedPort, std::to_string(context.listener_port)));
  append_line(head, kRealIp, incoming.value_or(kRealIp, context.peer_address));
  append_line(head, kRequestId, forwarded.request_id);
  append_line(head, "X-Drover-Session", context.session);
  head.append("\r\n");
  return forwarded;
}

std::string forward_switching(const ResponseHead& response, std::string_view accept) {
  auto head = status_line(response, "Switching Protocols");
  append_for_client(head, response, kNotOnSwitching);
  append_line(head, "Connection", "Upgrade");
  append_line(head, "Upgrade", "websocket");
  append_line(head, kWebSocketAccept, accept);
  return head.append("\r\n");
}

std::string forward_refusal(const ResponseHead& response) {
  auto head = status_line(response, "");
  append_for_client(head, response, {});
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
