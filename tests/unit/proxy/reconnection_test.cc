// What a client says to Drover itself: what of it is read, and that nothing of it is left in what goes on.
#include "proxy/reconnection.h"

#include <doctest/doctest.h>

#include "http/head_parser.h"
#include "websocket/handshake.h"

namespace drover::proxy {

namespace {

struct Taken : Reconnection {
  std::vector<std::string> offered;  // what is left
  std::string target;                // without the token alone
};

Taken take(std::string_view target, std::string_view lines = "") {
  http::RequestParser parser({});
  const std::string text = "GET " + std::string(target) +
                           " HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
                           std::string(lines) + "\r\n";
  const auto fed = parser.feed(as_bytes(text));
  REQUIRE_MESSAGE(fed, fed.error().detail);
  REQUIRE(fed->complete);
  auto upgrade = websocket::check_request(parser.head());
  REQUIRE_MESSAGE(upgrade, upgrade.error().detail);
  REQUIRE(upgrade->has_value());
  Taken taken;
  taken.offered = (*upgrade)->subprotocols;
  static_cast<Reconnection&>(taken) = take_reconnection(parser.head(), taken.offered);
  taken.target = target_without_token(parser.head());
  return taken;
}

std::string offer(std::string_view list) {
  return "Sec-WebSocket-Protocol: " + std::string(list) + "\r\n";
}

}  // namespace

TEST_CASE("a request that says nothing to Drover stays as it is") {
  for (const std::string_view target : {"/ws", "/ws?", "/ws?room=7&x", "/ws?a=session_token&b=drover_migrate=1"}) {
    CAPTURE(target);
    const auto taken = take(target, offer("chat, superchat"));
    CHECK(taken.token.empty());
    CHECK(taken.contradiction.empty());
    CHECK_FALSE(taken.asked);
    CHECK(taken.subprotocol.empty());
    CHECK_FALSE(taken.query.has_value());
    CHECK_FALSE(taken.offer.has_value());
    CHECK(taken.offered == std::vector<std::string>{"chat", "superchat"});
    CHECK(taken.target == target);
  }
}

TEST_CASE("the parameters are taken out, and the others stay byte for byte, in order") {
  struct {
    std::string_view query, left;
  } const cases[] = {
      {"session_token=v1.a", ""},
      {"session_token=v1.a&x=1", "x=1"},
      {"x=1&session_token=v1.a", "x=1"},
      {"x=1&session_token=v1.a&y=%20+&x=1", "x=1&y=%20+&x=1"},
      {"a&&session_token=v1.a&=&b=c=d", "a&&=&b=c=d"},
      {"drover_migrate=1&x=1&session_token=v1.a", "x=1"},
      {"x=1&drover_migrate=1", "x=1"},
      {"session_token", ""},
      {"drover_migrate&x", "x"},
      {"session_token=&drover_migrate=0", ""},
      {"?session_token=v1.a&session_token=v1.b", "?session_token=v1.a"},
      {"session_tokens=1&session_token=2&Session_Token=3&session%5ftoken=4&xsession_token=5",
       "session_tokens=1&Session_Token=3&session%5ftoken=4&xsession_token=5"},
      {"drover_migrate=1&drover_migrates=1", "drover_migrates=1"},
      {"room=a?b&session_token=v1.a", "room=a?b"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.query);
    CHECK(take("/ws?" + std::string(one.query)).query == one.left);
  }
}

TEST_CASE("the target of an absolute form is read too") {
  const auto taken = take("http://chat/ws?session_token=v1.a&x=1");
  CHECK(taken.token == "v1.a");
  CHECK(taken.query == "x=1");
  CHECK(taken.target == "/ws?x=1");
}

TEST_CASE("a client may ask by parameter or by subprotocol") {
  CHECK(take("/ws?drover_migrate=1").asked);
  CHECK(take("/ws?drover_migrate=0&drover_migrate=1").asked);
  CHECK(take("/ws", offer("drover.migrate.v1")).asked);
  CHECK(take("/ws", offer("chat, drover.migrate.v1")).asked);
  for (const std::string_view query : {"drover_migrate", "drover_migrate=", "drover_migrate=0", "drover_migrate=10",
                                       "drover_migrate=true", "Drover_Migrate=1", "drover%5fmigrate=1"}) {
    CAPTURE(query);
    CHECK_FALSE(take("/ws?" + std::string(query)).asked);
  }
  for (const std::string_view entry : {"drover.migrate.v2", "drover.migrate.v10", "Drover.Migrate.v1"}) {
    CAPTURE(entry);
    const auto taken = take("/ws", offer(entry));
    CHECK_FALSE(taken.asked);
    CHECK(taken.offered == std::vector<std::string>{std::string(entry)});  // another's, for all that Drover knows
  }
}

TEST_CASE("a token comes as parameter, as header, or as subprotocol") {
  CHECK(take("/ws?session_token=v1.a").token == "v1.a");
  CHECK(take("/ws", "x-session-TOKEN: v1.a\r\n").token == "v1.a");
  CHECK(take("/ws", offer("drover.token.v1.a")).token == "v1.a");
  CHECK(take("/ws", offer("chat") + offer("x, drover.token.v1.a")).token == "v1.a");
}

TEST_CASE("an empty token is none, and taken out all the same") {
  const auto taken = take("/ws?session_token=&x", "X-Session-Token:\r\n" + offer("drover.token.,chat"));
  CHECK(taken.token.empty());
  CHECK(taken.contradiction.empty());
  CHECK(taken.query == "x");
  CHECK(taken.offer == "chat");
}

TEST_CASE("one token in several places is one; two tokens contradict each other") {
  const auto same = take("/ws?session_token=v1.a", "X-Session-Token: v1.a\r\n" + offer("drover.token.v1.a"));
  CHECK(same.token == "v1.a");
  CHECK(same.contradiction.empty());
  struct {
    std::string_view target;
    std::string lines;
  } const cases[] = {
      {"/ws?session_token=v1.a&session_token=v1.b", ""},
      {"/ws?session_token=v1.a&session_token=v1.a", ""},
      {"/ws", "X-Session-Token: v1.a\r\nX-Session-Token: v1.a\r\n"},
      {"/ws", offer("drover.token.v1.a, drover.token.v1.b")},
      {"/ws?session_token=v1.a", "X-Session-Token: v1.b\r\n"},
      {"/ws?session_token=v1.a", offer("drover.token.v1.b")},
      {"/ws", "X-Session-Token: v1.a\r\n" + offer("drover.token.v1.b")},
  };
  for (const auto& one : cases) {
    CAPTURE(one.target);
    CAPTURE(one.lines);
    const auto taken = take(one.target, one.lines);
    CHECK_FALSE(taken.token.empty());
    CHECK(taken.contradiction == "there is more than one resume token");
  }
}

TEST_CASE("of the offer goes on what is not Drover's, as one line, and Drover knows what to choose in its place") {
  struct {
    std::string lines;
    std::string_view left, chosen;
  } const cases[] = {
      {offer("drover.migrate.v1"), "", "drover.migrate.v1"},
      {offer("chat, drover.migrate.v1,superchat"), "chat, superchat", "drover.migrate.v1"},
      {offer("drover.token.v1.a, drover.migrate.v1"), "", "drover.migrate.v1"},
      {offer("drover.token.v1.a"), "", "drover.token.v1.a"},
      {offer("drover.token.v1.a, drover.token.v1.b"), "", "drover.token.v1.a"},
      {offer("chat, drover.token.v1.a"), "chat", ""},
      {offer("drover.token.v1.a") + offer("b,a") + offer("drover.migrate.v1") + offer("c"), "b, a, c",
       "drover.migrate.v1"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.lines);
    const auto taken = take("/ws", one.lines);
    CHECK(taken.offer == one.left);
    CHECK(taken.subprotocol == one.chosen);
    std::string joined;
    for (const auto& entry : taken.offered) joined.append(joined.empty() ? "" : ", ").append(entry);
    CHECK(joined == one.left);
  }
}

TEST_CASE("a client comes back with what it said, but its old token") {
  CHECK(take("/ws?session_token=v1.a").target == "/ws");
  CHECK(take("/ws?drover_migrate=1&session_token=v1.a&room=7").target == "/ws?drover_migrate=1&room=7");
  CHECK(take("/ws?drover_migrate=1").target == "/ws?drover_migrate=1");
}

}  // namespace drover::proxy
