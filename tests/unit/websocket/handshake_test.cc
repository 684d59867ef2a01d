// RULES 'The request' and 'The backend's answer', as far as a handshake's heads break them.
#include "websocket/handshake.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "http/head_parser.h"

namespace drover::websocket {
namespace {

using Lines = std::vector<std::string>;
using Checked = Result<std::optional<UpgradeRequest>>;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3, like the next
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string head_of(std::string_view first_line, const Lines& lines) {
  std::string head(first_line);
  head += "\r\n";
  for (const std::string& line : lines) head += line + "\r\n";
  return head + "\r\n";
}

Lines upgrade_lines() {
  return {"Host: example.com", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + std::string(kKey),
          "Sec-WebSocket-Version: 13"};
}

// `lines` with the one that starts with the same name as `line` replaced by it.
Lines with(Lines lines, const std::string& line) {
  const std::string name = line.substr(0, line.find(':') + 1);
  for (std::string& old : lines) {
    if (old.starts_with(name)) old = line;
  }
  return lines;
}
Lines without(Lines lines, std::string_view name) {
  std::erase_if(lines, [name](const std::string& line) { return line.starts_with(name); });
  return lines;
}
Lines plus(Lines lines, const std::string& line) {
  lines.push_back(line);
  return lines;
}

// The check is made on a head that the parser has accepted; a head that it refuses itself is refused all the same.
Checked check(const Lines& lines, std::string_view first_line = "GET /chat HTTP/1.1") {
  http::RequestParser parser(http::HeadLimits{});
  const std::string head = head_of(first_line, lines);
  const auto fed = parser.feed(as_bytes(head));
  if (!fed) return std::unexpected(fed.error());
  REQUIRE(fed->complete);
  return check_request(parser.head());
}

void check_refused(const Checked& checked, Code code = Code::kBadRequest) {
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().code == code);
  CHECK(checked.error().side == Side::kClient);
}
void check_ordinary(const Checked& checked) {
  REQUIRE(checked.has_value());
  CHECK_FALSE(checked->has_value());
}
const UpgradeRequest& upgrade_in(const Checked& checked) {
  REQUIRE(checked.has_value());
  REQUIRE(checked->has_value());
  return **checked;
}

Lines answer_lines() {
  return {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + std::string(kAccept)};
}

Result<UpgradeAnswer> check_101(const Lines& lines) {
  static const UpgradeRequest kAsked{
      .key = std::string(kKey), .subprotocols = {"chat", "superchat"}, .extensions = {"permessage-deflate", "x-other"}};
  http::ResponseParser parser(http::HeadLimits{});
  const std::string head = head_of("HTTP/1.1 101 Switching Protocols", lines);
  const auto fed = parser.feed(as_bytes(head));
  REQUIRE(fed.has_value());
  REQUIRE(fed->complete);
  return check_answer(parser.head(), kAsked, kKey);
}

void check_broken_101(const Lines& lines) {
  const auto checked = check_101(lines);
  REQUIRE_FALSE(checked.has_value());
  CHECK(checked.error().code == Code::kBadGateway);
  CHECK(checked.error().side == Side::kBackend);
}

}  // namespace

TEST_SUITE("handshake: the request") {
  TEST_CASE("an upgrade, and what it offers") {
    CHECK(upgrade_in(check(upgrade_lines())).key == kKey);
    CHECK(upgrade_in(check(upgrade_lines())).subprotocols.empty());
    CHECK(upgrade_in(check(upgrade_lines())).extensions.empty());
    const Checked offered = check(plus(
        plus(plus(plus(upgrade_lines(), "Sec-WebSocket-Protocol: chat,superchat"), "sec-websocket-protocol: v2.x , ,"),
             "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, permessage-deflate"),
        "Sec-WebSocket-Extensions: x-other; a=\"b\""));
    CHECK(upgrade_in(offered).subprotocols == std::vector<std::string>{"chat", "superchat", "v2.x"});
    CHECK(upgrade_in(offered).extensions ==
          std::vector<std::string>{"permessage-deflate", "permessage-deflate", "x-other"});
  }

  TEST_CASE("tokens in any case, and in lists") {
    upgrade_in(check(with(with(upgrade_lines(), "Upgrade: WebSocket"), "Connection: keep-alive, upgrade")));
    upgrade_in(check(with(upgrade_lines(), "Upgrade: foo/2, websocket")));
    upgrade_in(check(plus(with(upgrade_lines(), "Connection: keep-alive"), "Connection: UPGRADE")));
  }

  TEST_CASE("no upgrade, but ordinary HTTP") {
    check_ordinary(check({"Host: example.com"}));
    check_ordinary(check(without(upgrade_lines(), "Upgrade")));
    check_ordinary(check(without(upgrade_lines(), "Connection")));
    check_ordinary(check(with(upgrade_lines(), "Connection: keep-alive")));
    check_ordinary(check(with(upgrade_lines(), "Connection: notupgrade")));
    check_ordinary(check(with(upgrade_lines(), "Upgrade: websocket2")));
    check_ordinary(check(without(upgrade_lines(), "Upgrade"), "POST /chat HTTP/1.1"));
  }

  TEST_CASE("h2c and h2: never an upgrade") {
    for (const char* token : {"h2c", "h2", "H2C"}) {
      const std::string line = std::string("Upgrade: ") + token;
      check_ordinary(check(with(upgrade_lines(), line)));
      check_refused(check(with(upgrade_lines(), line + ", websocket")));
      check_refused(check(with(upgrade_lines(), "Upgrade: websocket, " + std::string(token))));
      check_refused(check(plus(upgrade_lines(), line)));
    }
  }

  TEST_CASE("another method, another version of HTTP") {
    for (const char* first_line : {"POST /chat HTTP/1.1", "HEAD /chat HTTP/1.1", "PUT /chat HTTP/1.1"}) {
      check_refused(check(plus(upgrade_lines(), "Content-Length: 0"), first_line));
      check_refused(check(upgrade_lines(), first_line));
    }
    check_refused(check(upgrade_lines(), "GET /chat HTTP/1.0"));
  }

  TEST_CASE("a body; a Content-Length of 0 is none") {
    upgrade_in(check(plus(upgrade_lines(), "Content-Length: 0")));
    check_refused(check(plus(upgrade_lines(), "Content-Length: 1")));
    check_refused(check(plus(upgrade_lines(), "Content-Length: 10")));
    check_refused(check(plus(upgrade_lines(), "Transfer-Encoding: chunked")));
  }

  TEST_CASE("Sec-WebSocket-Key: missing, twice, or not 16 bytes in base64") {
    check_refused(check(without(upgrade_lines(), "Sec-WebSocket-Key")));
    check_refused(check(plus(upgrade_lines(), "Sec-WebSocket-Key: " + std::string(kKey))));
    for (const char* key : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQAA",
                            "dGhlIHNhbXBsZSBub25jZQA=", "dGhlIHNhbXBsZSBub25j-Q==", "dGhlIHNhbXBsZSBub2=jZQ==",
                            "AAAA==", "AAdGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ"}) {
      CAPTURE(key);
      check_refused(check(with(upgrade_lines(), std::string("Sec-WebSocket-Key: ") + key)));
    }
    // Bits to spare in the last character that are not zero: real clients send them.
    upgrade_in(check(with(upgrade_lines(), "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==")));
    upgrade_in(check(with(upgrade_lines(), "Sec-WebSocket-Key: +/hlIHNhbXBsZSBub25jZQ==")));
  }

  TEST_CASE("Sec-WebSocket-Version other than 13") {
    for (const char* version : {"8", "0", "14", "013", "13, 8", "", "x"}) {
      check_refused(check(with(upgrade_lines(), std::string("Sec-WebSocket-Version: ") + version)),
                    Code::kUnsupportedVersion);
    }
    check_refused(check(without(upgrade_lines(), "Sec-WebSocket-Version")), Code::kUnsupportedVersion);
    check_refused(check(plus(upgrade_lines(), "Sec-WebSocket-Version: 13")));
    check_refused(check(plus(upgrade_lines(), "Sec-WebSocket-Version: 8")));
  }

  TEST_CASE("Sec-WebSocket-Protocol: tokens, each once") {
    for (const char* list : {"chat, chat", "a b", "chat;x", "\"chat\"", "ch(at", "a/b"}) {
      CAPTURE(list);
      check_refused(check(plus(upgrade_lines(), std::string("Sec-WebSocket-Protocol: ") + list)));
    }
    check_refused(check(plus(plus(upgrade_lines(), "Sec-WebSocket-Protocol: a"), "Sec-WebSocket-Protocol: b, a")));
    // Case matters (section 4.1): two protocols.
    CHECK(upgrade_in(check(plus(upgrade_lines(), "Sec-WebSocket-Protocol: a, A"))).subprotocols.size() == 2);
  }

  TEST_CASE("Sec-WebSocket-Extensions: malformed in any line") {
    check_refused(check(plus(upgrade_lines(), "Sec-WebSocket-Extensions: a b")));
    check_refused(
        check(plus(plus(upgrade_lines(), "Sec-WebSocket-Extensions: a"), "Sec-WebSocket-Extensions: b; c=\"")));
  }
}

TEST_SUITE("handshake: the answer") {
  TEST_CASE("a right 101") {
    const auto plain = check_101(answer_lines());
    REQUIRE(plain.has_value());
    CHECK(plain->subprotocol.empty());
    CHECK(plain->extensions.empty());
    CHECK_FALSE(plain->permessage_deflate);
    const auto chosen = check_101(plus(plus(answer_lines(), "Sec-WebSocket-Protocol: superchat"),
                                       "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"));
    REQUIRE(chosen.has_value());
    CHECK(chosen->subprotocol == "superchat");
    CHECK(chosen->extensions == "permessage-deflate; server_no_context_takeover");
    CHECK(chosen->permessage_deflate);
    const auto other = check_101(plus(answer_lines(), "Sec-WebSocket-Extensions: x-other"));
    REQUIRE(other.has_value());
    CHECK_FALSE(other->permessage_deflate);
    CHECK(check_101(with(with(answer_lines(), "Upgrade: WebSocket"), "Connection: keep-alive, upgrade")).has_value());
    CHECK(check_101(plus(answer_lines(), "Sec-WebSocket-Extensions: permessage-deflate, x-other")).has_value());
  }

  TEST_CASE("Sec-WebSocket-Accept missing, wrong, or twice") {
    check_broken_101(without(answer_lines(), "Sec-WebSocket-Accept"));
    check_broken_101(with(answer_lines(), "Sec-WebSocket-Accept: "));
    check_broken_101(with(answer_lines(), "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    check_broken_101(with(answer_lines(), "Sec-WebSocket-Accept: " + std::string(kKey)));
    check_broken_101(plus(answer_lines(), answer_lines().back()));
  }

  TEST_CASE("Upgrade or Connection missing, other, or a second Upgrade") {
    check_broken_101(without(answer_lines(), "Upgrade"));
    check_broken_101(with(answer_lines(), "Upgrade: h2c"));
    check_broken_101(with(answer_lines(), "Upgrade: websocket, h2c"));
    check_broken_101(plus(answer_lines(), "Upgrade: websocket"));
    check_broken_101(without(answer_lines(), "Connection"));
    check_broken_101(with(answer_lines(), "Connection: close"));
  }

  TEST_CASE("a subprotocol that was not offered, or two") {
    for (const char* chosen : {"other", "Chat", "chat, superchat", ""}) {
      check_broken_101(plus(answer_lines(), std::string("Sec-WebSocket-Protocol: ") + chosen));
    }
    check_broken_101(plus(plus(answer_lines(), "Sec-WebSocket-Protocol: chat"), "Sec-WebSocket-Protocol: chat"));
  }

  TEST_CASE("an extension that was not offered, chosen twice, malformed, or in a second line") {
    for (const char* chosen : {"unknown", "permessage-deflate, unknown", "permessage-deflate, permessage-deflate; a",
                               "permessage-deflate;"}) {
      check_broken_101(plus(answer_lines(), std::string("Sec-WebSocket-Extensions: ") + chosen));
    }
    check_broken_101(plus(plus(answer_lines(), "Sec-WebSocket-Extensions: permessage-deflate"),
                          "Sec-WebSocket-Extensions: x-other"));
  }
}

TEST_SUITE("handshake: keys and origins") {
  TEST_CASE("the example of RFC 6455 section 1.3") {
    CHECK(accept_of(kKey) == kAccept);
  }

  TEST_CASE("a key's accept does not depend on what was hashed before, nor on the thread") {
    const std::string other = accept_of("another key");
    CHECK(accept_of(kKey) == kAccept);
    std::string elsewhere;
    std::jthread([&elsewhere] { elsewhere = accept_of("another key"); }).join();
    CHECK(elsewhere == other);
    CHECK(other == "Vrguz3TUn9ngPf9JpcYLpRwPtcc=");
  }

  TEST_CASE("fresh keys pass the check, and no two are the same") {
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) {
      const std::string key = fresh_key();
      upgrade_in(check(with(upgrade_lines(), "Sec-WebSocket-Key: " + key)));
      keys.insert(key);
    }
    CHECK(keys.size() == 100);
  }

  TEST_CASE("origins: exact, in any case") {
    const std::vector<std::string> allowed{"https://example.com", "http://localhost:3000", "null"};
    CHECK(origin_allowed("https://example.com", allowed));
    CHECK(origin_allowed("HTTPS://Example.COM", allowed));
    CHECK(origin_allowed("http://localhost:3000", allowed));
    CHECK(origin_allowed("null", allowed));
    for (const char* origin : {"http://example.com", "https://example.com:443", "https://example.com.evil.org",
                               "https://sub.example.com", "https://example.com/", ""}) {
      CHECK_FALSE(origin_allowed(origin, allowed));
    }
    CHECK(origin_allowed("https://anything", {}));
  }

  TEST_CASE("origins: subdomains at any depth, not the domain itself") {
    const std::vector<std::string> allowed{"https://*.example.com", "http://*.local.test:8080"};
    CHECK(origin_allowed("https://a.example.com", allowed));
    CHECK(origin_allowed("https://a.b-1.c.EXAMPLE.com", allowed));
    CHECK(origin_allowed("http://x.local.test:8080", allowed));
    for (const char* origin :
         {"https://example.com", "https://", "", "https://.example.com", "https://.a.example.com",
          "http://a.example.com", "https://evilexample.com", "https://evil.org/.example.com",
          "https://evil.org:1/a.example.com", "https://user@a.example.com", "https://a.example.com:8443",
          "https://a.example.com.evil.org", "https://a..example.com", "http://x.local.test"}) {
      CAPTURE(origin);
      CHECK_FALSE(origin_allowed(origin, allowed));
    }
  }
}

}  // namespace drover::websocket
