// The opening handshake: both heads parsed, checked and written anew, as proxy/handshake.cc and connector.cc do it.
#include <memory>
#include <string>

#include "http/forwarding.h"
#include "http/head_parser.h"
#include "pieces.h"
#include "websocket/handshake.h"

namespace drover::bench {

namespace {

// The key and its answer are RFC 6455's own (section 1.3).
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

// What a browser sends.
constexpr std::string_view kRequest =
    "GET /chat/room?id=42 HTTP/1.1\r\n"
    "Host: chat.example.com\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Upgrade: websocket\r\n"
    "Origin: https://chat.example.com\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Cookie: session=8f14e45fceea167a\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    "Date: Tue, 03 Nov 2026 10:00:00 GMT\r\n"
    "Server: Python/3.11 websockets/10.4\r\n\r\n";

template <class Parser>
void parse(Parser& parser, std::string_view head) {
  const auto fed = parser.feed(as_bytes(head));
  require(fed && fed->complete && fed->consumed == head.size(), "a head that is whole");
}

websocket::UpgradeRequest asked_by(const http::RequestHead& head) {
  auto checked = websocket::check_request(head);
  require(checked && checked->has_value() && (*checked)->key == kKey, "an upgrade request");
  return std::move(**checked);
}

http::ForwardingContext context() {
  http::ForwardingContext context;
  context.peer_address = "192.0.2.17";
  context.listener_port = 8080;
  context.request_id = "0123456789abcdef0123456789abcdef";
  context.session = context.request_id;
  return context;
}

std::uint64_t read_request() {
  http::RequestParser parser({});
  parse(parser, kRequest);
  return asked_by(parser.head()).extensions.size();
}

// With the client's own key, as on a first dial; the Accept is computed for the check.
std::uint64_t read_response(const websocket::UpgradeRequest& asked) {
  http::ResponseParser parser({});
  parse(parser, kResponse);
  const auto answer = websocket::check_answer(parser.head(), asked, kKey);
  require(answer && answer->permessage_deflate, "a 101");
  return answer->extensions.size();
}

}  // namespace

std::vector<Piece> head_pieces() {
  const auto request = std::make_shared<http::RequestParser>(http::HeadLimits{});
  parse(*request, kRequest);
  const auto response = std::make_shared<http::ResponseParser>(http::HeadLimits{});
  parse(*response, kResponse);
  const auto asked = asked_by(request->head());

  std::vector<Piece> pieces;
  pieces.push_back({"head/request", 1, kRequest.size(), read_request});
  pieces.push_back({"head/forward_upgrade", 1, kRequest.size(), [request] {
                      const auto forwarded = http::forward_upgrade(request->head(), context());
                      require(forwarded.head.ends_with("\r\n"), "an open head");
                      return std::uint64_t{forwarded.head.size()};
                    }});
  const auto open = http::forward_upgrade(request->head(), context()).head;
  pieces.push_back({"head/head_for_dial", 1, kRequest.size(), [open] {
                      const auto head = http::head_for_dial(open, {.websocket_key = kKey});
                      require(head.ends_with("\r\n\r\n"), "a head for a dial");
                      return std::uint64_t{head.size()};
                    }});
  pieces.push_back({"head/response", 1, kResponse.size(), [asked] { return read_response(asked); }});
  pieces.push_back({"head/accept_of", 1, kKey.size(), [] {
                      const std::string accept = websocket::accept_of(kKey);
                      require(accept == kAccept, "an Accept");
                      return std::uint64_t{accept.size()};
                    }});
  pieces.push_back({"head/forward_switching", 1, kResponse.size(), [response] {
                      const std::string head = http::forward_switching(response->head(), kAccept);
                      require(head.ends_with("\r\n\r\n"), "a forwarded 101");
                      return std::uint64_t{head.size()};
                    }});
  return pieces;
}

}  // namespace drover::bench
