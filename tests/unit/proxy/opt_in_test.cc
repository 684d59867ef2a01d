// What a client that may be asked to reconnect is told: its own URL, and a token that opens to its session.
#include "proxy/opt_in.h"

#include <doctest/doctest.h>

#include "http/head_parser.h"

namespace drover::proxy {

namespace {

using namespace std::chrono_literals;
using http::PeerTrust;
using http::Scheme;

constexpr migration::WallClock::time_point kNow{1'800'000'000s};

std::string url(std::string_view target, std::string_view lines = "", Scheme scheme = Scheme::kHttp,
                PeerTrust trust = PeerTrust::kUntrusted) {
  http::RequestParser parser({});
  const auto text =
      "GET " + std::string(target) + " HTTP/1.1\r\nHost: Chat.Example:8080\r\n" + std::string(lines) + "\r\n";
  const auto fed = parser.feed(as_bytes(text));
  REQUIRE_MESSAGE(fed, fed.error().detail);
  return own_url(parser.head(), scheme, trust);
}

std::string behind_proxy(std::string_view lines, Scheme scheme = Scheme::kHttp) {
  return url("/ws", lines, scheme, PeerTrust::kTrusted);
}

// Of a text that this folder's functions have made: no escapes.
std::string member(const std::string& text, const std::string& name) {
  const auto key = "\"" + name + "\":\"";
  const auto at = text.find(key);
  REQUIRE(at != std::string::npos);
  const auto begin = at + key.size();
  return text.substr(begin, text.find('"', begin) - begin);
}

}  // namespace

TEST_CASE("a client's own URL has the listener's scheme, its Host, and its target without an old token") {
  CHECK(url("/ws?room=7") == "ws://Chat.Example:8080/ws?room=7");
  CHECK(url("/ws", "", Scheme::kHttps) == "wss://Chat.Example:8080/ws");
  CHECK(url("/") == "ws://Chat.Example:8080/");
  CHECK(url("/ws?session_token=v1.a&drover_migrate=1&x") == "ws://Chat.Example:8080/ws?drover_migrate=1&x");
  CHECK(url("http://chat.example:8080/ws?x") == "ws://Chat.Example:8080/ws?x");
}

TEST_CASE("a trusted proxy knows the client's scheme and host better, and nobody else does") {
  constexpr std::string_view kLines = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.example\r\n";
  CHECK(url("/ws", kLines) == "ws://Chat.Example:8080/ws");
  CHECK(behind_proxy(kLines) == "wss://outer.example/ws");
  CHECK(behind_proxy("X-Forwarded-Proto: wss\r\n") == "wss://Chat.Example:8080/ws");
  CHECK(behind_proxy("X-Forwarded-Proto: HTTP\r\n", Scheme::kHttps) == "ws://Chat.Example:8080/ws");
  CHECK(behind_proxy("X-Forwarded-Proto: ws\r\n", Scheme::kHttps) == "ws://Chat.Example:8080/ws");
  CHECK(behind_proxy("X-Forwarded-Proto: ftp\r\n", Scheme::kHttps) == "wss://Chat.Example:8080/ws");
  CHECK(behind_proxy("X-Forwarded-Host:\r\n") == "ws://Chat.Example:8080/ws");
  // Of several proxies' words that of the client's own.
  CHECK(behind_proxy("X-Forwarded-Proto: https, http\r\nX-Forwarded-Host: outer, inner\r\n") == "wss://outer/ws");
}

TEST_CASE("a client is told where to go, when, and with which token") {
  const auto keys = migration::TokenKeys::make({"correct horse battery staple"});
  const OptIn client{.url = "wss://chat/ws", .asked = true};
  const migration::ResumeToken session{.resume_id = {1, 2, 3}, .pool = "chat", .backend = {}, .expires = {}};
  migration::MigrateConnection message{
      .reason = "drain", .new_endpoint = {}, .session_token = {}, .reconnect_delay = 1'740ms, .deadline = 11'740ms};
  const auto text = migrate_text(client, *keys, session, message, kNow);
  const auto token = member(text, "session_token");
  CHECK(text == R"({"type":"migrate_connection","reason":"drain","new_endpoint":"wss://chat/ws","session_token":")" +
                    token + R"(","reconnect_delay":1740,"deadline":11740})");
  const auto opened = keys->open(token, kNow);
  REQUIRE(opened.has_value());
  CHECK(opened->resume_id == session.resume_id);
  CHECK(opened->pool == "chat");
  CHECK(opened->backend.empty());
  CHECK(opened->expires == kNow + 72s);  // the deadline and a minute, rounded up

  message.new_endpoint = "wss://elsewhere/ws";
  const auto other = migrate_text(client, *keys, session, message, kNow);
  CHECK(member(other, "new_endpoint") == "wss://elsewhere/ws");
  CHECK(member(other, "session_token") != token);
}

}  // namespace drover::proxy
