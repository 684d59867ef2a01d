// What the backend and the client get to read; every forwarded request is also read back with the parser.
#include "http/forwarding.h"

#include "feeding.h"
#include "http/head_parser.h"

namespace drover::http {
namespace {

constexpr ForwardingContext kContext = {
    .peer_address = "10.0.0.7",
    .listener_port = 8443,
    .scheme = Scheme::kHttps,
    .trust = PeerTrust::kUntrusted,
    .request_id = "req-1",
    .session = "resume-1",
    .strip_prefix = 0,
};

ForwardingContext trusted() {
  auto context = kContext;
  context.trust = PeerTrust::kTrusted;
  return context;
}

// Whatever was asked: what goes out is itself a request that Drover would take, and nothing more.
void check_whole(std::string_view head) {
  RequestParser parser({});
  const auto fed = parser.feed(as_bytes(head));
  REQUIRE_MESSAGE(fed, fed.error().detail);
  CHECK(fed->complete);
  CHECK(fed->consumed == head.size());
}

// What an open head needs to be a request for the parser.
std::string closed(std::string_view open_head) {
  return head_for_dial(open_head, {.websocket_key = "key"});
}

// Of a request with these header lines behind Host. The head is open.
ForwardedRequest forwarded(std::string_view lines, const ForwardingContext& context = kContext,
                           std::string_view target = "/chat?x=1") {
  RequestParser parser({});
  test::read(parser, "GET " + std::string(target) + " HTTP/1.1\r\nHost: Chat.Example.com:8443\r\n" +
                         std::string(lines) + "\r\n");
  auto result = forward_upgrade(parser.head(), context);
  check_whole(closed(result.head));
  return result;
}

constexpr std::string_view kSetLines =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nX-Forwarded-For: 10.0.0.7\r\nX-Forwarded-Proto: https\r\n"
    "X-Forwarded-Host: Chat.Example.com:8443\r\nX-Forwarded-Port: 8443\r\nX-Real-IP: 10.0.0.7\r\n"
    "X-Request-ID: req-1\r\nX-Drover-Session: resume-1\r\n";

// What is left of the client's header lines.
std::string kept_of(std::string_view lines, const ForwardingContext& context = kContext) {
  auto head = forwarded(lines, context).head;
  constexpr std::string_view kStart = "GET /chat?x=1 HTTP/1.1\r\nHost: Chat.Example.com:8443\r\n";
  REQUIRE(head.starts_with(kStart));
  const auto end = head.find("Connection: Upgrade\r\n");
  REQUIRE(end != std::string::npos);
  return head.substr(kStart.size(), end - kStart.size());
}

std::string value_of(const ForwardedRequest& request, std::string_view name) {
  RequestParser parser({});
  test::read(parser, closed(request.head));
  CHECK(parser.head().count(name) == 1);
  return std::string(parser.head().find(name).value_or("(none)"));
}

TEST_CASE("who the client is by its certificate goes to the backend, and no claim of its own does") {
  auto context = kContext;
  context.client_subject = "CN=web,O=Acme";
  context.client_fingerprint = "c0ffee";
  const auto request = forwarded("x-drover-client-subject: CN=admin\r\nX_Drover_Client_Fingerprint: 1\r\n", context);
  CHECK(value_of(request, "x-drover-client-subject") == "CN=web,O=Acme");
  CHECK(value_of(request, "x-drover-client-fingerprint") == "c0ffee");
  CHECK(!request.head.contains("admin"));
  CHECK(!forwarded("X-Drover-Client-Subject: CN=admin\r\n").head.contains("Client"));
}

TEST_CASE("an upgrade goes on in order, byte for byte, with Drover's headers behind it, and is open") {
  const auto request = forwarded(
      "Upgrade: websocket\r\nOrigin: https://a\r\nConnection: Upgrade\r\nsec-websocket-KEY: abc=\r\n"
      "Sec-WebSocket-Version: 13\r\nX-Odd:  \xff\ta  b \r\ntraceparent: 00-ab\r\nCookie: a=b\r\nCookie: c=d\r\n");
  CHECK(request.head ==
        "GET /chat?x=1 HTTP/1.1\r\nHost: Chat.Example.com:8443\r\nOrigin: https://a\r\n"
        "Sec-WebSocket-Version: 13\r\nX-Odd: \xff\ta  b\r\ntraceparent: 00-ab\r\nCookie: a=b\r\nCookie: c=d\r\n" +
            std::string(kSetLines));
  CHECK(request.request_id == "req-1");
  CHECK_FALSE(request.ignored_forwarding_headers);
}

TEST_CASE("hop-by-hop headers stay here") {
  CHECK(kept_of("Connection: keep-alive, Upgrade\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n"
                "Trailer: A\r\nUpgrade: websocket\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nContent-Length: 0\r\n")
            .empty());
  CHECK(kept_of("Transfer-Encoding: chunked\r\n").empty());
  CHECK(kept_of("Connection: a, X-Hop\r\nX-Hop: 1\r\nConnection: ,x-other,\r\nX-Other: 2\r\nX-Kept: 3\r\n") ==
        "X-Kept: 3\r\n");
  CHECK(kept_of("Proxy-Authorization: x\r\n") == "Proxy-Authorization: x\r\n");
}

TEST_CASE("Connection cannot take away what the handshake or the backend relies on") {
  CHECK(kept_of("Connection: Upgrade, Host, Sec-WebSocket-Key, Sec-WebSocket-Protocol, X-Forwarded-For, X-Real-IP, "
                "X-Drover-Session\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p\r\n") ==
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p\r\n");
  CHECK(forwarded("Connection: Host, X-Forwarded-For\r\n").head.ends_with(kSetLines));
  CHECK(value_of(forwarded("Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.1.1.1\r\n", trusted()),
                 "X-Forwarded-For") == "1.1.1.1, 10.0.0.7");
}

TEST_CASE("X-Drover-* never comes from a client, trusted or not, in any spelling") {
  for (const auto& context : {kContext, trusted()}) {
    CHECK(kept_of("X-Drover-Session: evil\r\nx-drover-handoff: 1\r\nX_Drover_Session: evil\r\nX-Drover_Foo: 1\r\n"
                  "X_DROVER-: 1\r\nX-Drover: kept\r\n",
                  context) == "X-Drover: kept\r\n");
  }
}

TEST_CASE("underscore twins of what Drover sets are dropped, other underscores stay") {
  for (const auto& context : {kContext, trusted()}) {
    CHECK(kept_of("X_Forwarded_For: 1\r\nx_real_ip: 1\r\nX-Forwarded_Proto: 1\r\nX_Forwarded-Host: 1\r\n"
                  "X_FORWARDED_PORT: 1\r\nX_Request_ID: 1\r\nSec_WebSocket_Key: 1\r\nMy_Header: 1\r\n",
                  context) == "My_Header: 1\r\n");
  }
  // Not even a trusted peer's twin is taken for the header.
  CHECK(value_of(forwarded("X_Forwarded_For: 1.1.1.1\r\n", trusted()), "X-Forwarded-For") == "10.0.0.7");
}

TEST_CASE("from an untrusted peer forwarding headers are replaced, and that is told") {
  for (const std::string_view line :
       {"X-Forwarded-For: 1.1.1.1\r\n", "x-forwarded-proto: ftp\r\n", "X-Forwarded-Host: evil\r\n",
        "X-Forwarded-Port: 1\r\n", "X-Real-IP: 1.1.1.1\r\n", "X-Request-ID: theirs\r\n", "X_Forwarded_For: 1\r\n",
        "X-Forwarded-Prefix: /admin\r\n"}) {
    CAPTURE(line);
    const auto request = forwarded(line);
    CHECK(request.head == "GET /chat?x=1 HTTP/1.1\r\nHost: Chat.Example.com:8443\r\n" + std::string(kSetLines));
    CHECK(request.ignored_forwarding_headers);
    CHECK(request.request_id == "req-1");
  }
}

TEST_CASE("RFC 7239's Forwarded passes from a trusted peer only") {
  constexpr std::string_view kLine = "Forwarded: for=6.6.6.6;proto=https\r\n";
  CHECK(kept_of(kLine).empty());
  CHECK(forwarded(kLine).ignored_forwarding_headers);
  CHECK(kept_of(kLine, trusted()) == kLine);
}

TEST_CASE("from a trusted peer forwarding headers are kept, and its address joins the list") {
  const auto request = forwarded(
      "X-Forwarded-For: 1.1.1.1,2.2.2.2\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: outer\r\n"
      "X-Forwarded-Port: 80\r\nx-forwarded-for: 3.3.3.3\r\nX-Real-IP: 1.1.1.1\r\nX-Request-ID: theirs\r\n"
      "X-Forwarded-Prefix: /p\r\n",
      trusted());
  CHECK(value_of(request, "X-Forwarded-For") == "1.1.1.1,2.2.2.2, 3.3.3.3, 10.0.0.7");
  CHECK(value_of(request, "X-Forwarded-Proto") == "http");
  CHECK(value_of(request, "X-Forwarded-Host") == "outer");
  CHECK(value_of(request, "X-Forwarded-Port") == "80");
  CHECK(value_of(request, "X-Forwarded-Prefix") == "/p");
  CHECK(value_of(request, "X-Real-IP") == "1.1.1.1");
  CHECK(value_of(request, "X-Request-ID") == "theirs");
  CHECK(request.request_id == "theirs");
  CHECK_FALSE(request.ignored_forwarding_headers);
}

TEST_CASE("what a trusted peer leaves out or empty is filled in") {
  CHECK(forwarded("", trusted()).head.ends_with(kSetLines));
  CHECK(forwarded("X-Forwarded-For:\r\nX-Real-IP:\r\nX-Forwarded-Host:\r\nX-Request-ID:\r\n", trusted())
            .head.ends_with(kSetLines));
  auto plain = kContext;
  plain.scheme = Scheme::kHttp;
  CHECK(value_of(forwarded("", plain), "X-Forwarded-Proto") == "http");
}

TEST_CASE("a trusted peer's request id is kept only if it is sane") {
  const auto id_for = [](const std::string& theirs) {
    return forwarded("X-Request-ID: " + theirs + "\r\n", trusted()).request_id;
  };
  CHECK(id_for(std::string(128, 'a')) == std::string(128, 'a'));
  CHECK(id_for(std::string(129, 'a')) == "req-1");
  CHECK(id_for("a b") == "req-1");
  CHECK(id_for("a\tb") == "req-1");
  CHECK(id_for("a\xff") == "req-1");
  CHECK(id_for("!~") == "!~");
}

TEST_CASE("a client's key is no part of what all dials have in common, in any spelling") {
  CHECK(kept_of("A: 1\r\nSec-WebSocket-Key: old\r\nB: 2\r\nsec_websocket_key: old\r\nSEC-WEBSOCKET-KEY: old\r\n") ==
        "A: 1\r\nB: 2\r\n");
}

TEST_CASE("a dial has a key, and what else it is given") {
  const auto open = forwarded("Sec-WebSocket-Key: old\r\nX-Drover-Handoff: v1; key=evil\r\n").head;
  CHECK(head_for_dial(open, {.websocket_key = "abc="}) == open + "Sec-WebSocket-Key: abc=\r\n\r\n");
  CHECK(head_for_dial(open, {.websocket_key = "abc=", .handoff = "v1; key=00ff"}) ==
        open + "Sec-WebSocket-Key: abc=\r\nX-Drover-Handoff: v1; key=00ff\r\n\r\n");
  CHECK(head_for_dial(open, {.websocket_key = "abc=", .resumed = true}) ==
        open + "Sec-WebSocket-Key: abc=\r\nX-Drover-Resumed: 1\r\n\r\n");
  const auto all = head_for_dial(
      open,
      {.websocket_key = "abc=", .handoff = "v1; key=00ff", .resumed = true, .previous_backend = "[2001:db8::1]:80"});
  CHECK(all == open +
                   "Sec-WebSocket-Key: abc=\r\nX-Drover-Handoff: v1; key=00ff\r\nX-Drover-Resumed: 1\r\n"
                   "X-Drover-Previous-Backend: [2001:db8::1]:80\r\n\r\n");
  check_whole(all);
}

TEST_CASE("the target goes on in origin form, without the stripped prefix") {
  struct {
    std::string_view target;
    std::size_t strip;
    std::string_view sent;
  } const cases[] = {
      {"/ws/room?x=1", 0, "/ws/room?x=1"},
      {"/ws/room?x=1", 3, "/room?x=1"},
      {"/ws?x=1", 3, "/?x=1"},
      {"/ws", 3, "/"},
      {"/ws/", 4, "/"},
      {"/ws/room", 4, "/room"},
      {"/ws", 99, "/"},
      {"/ws?", 3, "/?"},
      {"/a%0d%0ab?%00", 0, "/a%0d%0ab?%00"},
      {"ws://chat.example.com:8443/ws/room?x", 3, "/room?x"},
      {"http://chat.example.com:8443?x", 0, "/?x"},
      {"http://chat.example.com:8443", 0, "/"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.target);
    auto context = kContext;
    context.strip_prefix = one.strip;
    const auto head = forwarded("", context, one.target).head;
    CHECK(head.substr(0, head.find("\r\n")) == "GET " + std::string(one.sent) + " HTTP/1.1");
  }
}

TEST_CASE("another query takes the place of the client's, and an empty one leaves no question mark") {
  const auto target = [](std::string_view asked, std::string_view query, std::size_t strip = 0) {
    auto context = kContext;
    context.query = query;
    context.strip_prefix = strip;
    const auto head = forwarded("", context, asked).head;
    return head.substr(0, head.find("\r\n"));
  };
  CHECK(target("/ws?session_token=a&x", "x") == "GET /ws?x HTTP/1.1");
  CHECK(target("/ws?session_token=a", "") == "GET /ws HTTP/1.1");
  CHECK(target("/ws/room?session_token=a", "", 3) == "GET /room HTTP/1.1");
  CHECK(target("http://Chat.Example.com:8443/ws?session_token=a", "y=1") == "GET /ws?y=1 HTTP/1.1");
}

TEST_CASE("another offer takes the place of the client's first line, and an empty one that of none") {
  constexpr std::string_view kLines =
      "A: 1\r\nSec-WebSocket-Protocol: drover.token.x, chat\r\nB: 2\r\nsec-websocket-protocol: b\r\nC: 3\r\n";
  auto context = kContext;
  CHECK(kept_of(kLines, context) == kLines);
  context.subprotocols = "chat, b";
  CHECK(kept_of(kLines, context) == "A: 1\r\nSec-WebSocket-Protocol: chat, b\r\nB: 2\r\nC: 3\r\n");
  context.subprotocols = "";
  CHECK(kept_of(kLines, context) == "A: 1\r\nB: 2\r\nC: 3\r\n");
}

TEST_CASE("a resume token's header stays here, in any spelling") {
  for (const auto& context : {kContext, trusted()}) {
    CHECK(kept_of("X-Session-Token: a\r\nx-session-token: b\r\nX_Session_Token: c\r\nX-Session-Tokens: kept\r\n",
                  context) == "X-Session-Tokens: kept\r\n");
  }
}

// The backend's answer, as `forward` passes it on.
template <class Forward>
std::string answered(std::string_view text, Forward forward) {
  ResponseParser parser({});
  test::read(parser, text);
  return forward(parser.head());
}

TEST_CASE("a 101 goes to the client with the accept value of the client's own key") {
  const auto switching = [](const ResponseHead& head) { return forward_switching(head, "accept="); };
  CHECK(answered("HTTP/1.1 101 Web Socket\r\nupgrade: WebSocket\r\nConnection: Upgrade, X-Hop\r\nServer: s\r\n"
                 "Sec-WebSocket-Accept: other\r\nSec-WebSocket-Protocol: p\r\nContent-Length: 0\r\nX-Hop: 1\r\n"
                 "X-Drover-Handoff: 1\r\nX_Drover_Session: 1\r\nKeep-Alive: 5\r\nSet-Cookie: a=b\r\n"
                 "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                 switching) ==
        "HTTP/1.1 101 Web Socket\r\nServer: s\r\nSec-WebSocket-Protocol: p\r\nSet-Cookie: a=b\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: accept=\r\n\r\n");
  CHECK(
      answered("HTTP/1.1 101 \r\nConnection: Sec-WebSocket-Protocol\r\nSec-WebSocket-Protocol: p\r\n\r\n", switching) ==
      "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: p\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: accept=\r\n\r\n");
}

TEST_CASE("a subprotocol of Drover's own choice stands in the 101") {
  CHECK(answered("HTTP/1.1 101 OK\r\nServer: s\r\n\r\n",
                 [](const ResponseHead& head) { return forward_switching(head, "a", "drover.migrate.v1"); }) ==
        "HTTP/1.1 101 OK\r\nServer: s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: a\r\nSec-WebSocket-Protocol: drover.migrate.v1\r\n\r\n");
}

TEST_CASE("hop-by-hop headers of a backend stay here, whatever the status") {
  constexpr std::string_view kLines =
      "Connection: x\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: x\r\nTrailer: A\r\nUpgrade: websocket\r\n"
      "Proxy-Authenticate: x\r\nProxy-Authentication-Info: x\r\nX_Drover_A: x\r\nServer: s\r\n\r\n";
  CHECK(answered("HTTP/1.1 200 OK\r\n" + std::string(kLines), forward_refusal) ==
        "HTTP/1.1 200 OK\r\nServer: s\r\nConnection: close\r\n\r\n");
  CHECK(answered("HTTP/1.1 101 OK\r\n" + std::string(kLines),
                 [](const ResponseHead& head) { return forward_switching(head, "a"); }) ==
        "HTTP/1.1 101 OK\r\nServer: s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n");
}

TEST_CASE("a refusal goes to the client as it is, on a connection that closes") {
  CHECK(
      answered("HTTP/1.0 403 Go Away\r\nServer: s\r\nConnection: keep-alive, X-Hop, Content-Length\r\nX-Hop: 1\r\n"
               "Content-Length: 5\r\nX-Drover-Foo: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n"
               "Proxy-Authenticate: x\r\nWWW-Authenticate: Basic\r\n\r\n",
               forward_refusal) ==
      "HTTP/1.1 403 Go Away\r\nServer: s\r\nContent-Length: 5\r\nWWW-Authenticate: Basic\r\nConnection: close\r\n\r\n");
  CHECK(answered("HTTP/1.1 500\r\nTransfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n",
                 forward_refusal) == "HTTP/1.1 500 \r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  CHECK(answered("HTTP/1.1 426 No\r\nUpgrade: h2c, websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
                 forward_refusal) ==
        "HTTP/1.1 426 No\r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: close, Upgrade\r\n\r\n");
}

}  // namespace
}  // namespace drover::http
