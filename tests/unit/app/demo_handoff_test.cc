// A backend's part in the contract: what a request says, and which messages are Drover's.
#include "app/demo_handoff.h"

#include <doctest/doctest.h>

#include <string>

#include "http/head_parser.h"

using namespace drover;
using namespace drover::app;
using Verb = HandoffOrder::Verb;

namespace {

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";

// Of a request with these lines.
DemoHandoff handoff_of(const std::string& lines) {
  http::RequestParser parser{http::HeadLimits{}};
  const auto fed = parser.feed(as_bytes("GET /demo HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n"));
  REQUIRE(fed.has_value());
  REQUIRE(fed->complete);
  return DemoHandoff(parser.head());
}

DemoHandoff asked(const std::string& more = {}) {
  return handoff_of(std::string("X-Drover-Handoff: v1; key=") + kKey + "\r\n" + more);
}

std::string with_key(const std::string& begin, const std::string& end = "}") {
  return begin + R"(,"key":")" + kKey + "\"" + end;
}

}  // namespace

TEST_CASE("a backend takes part where it is asked by version 1, and in nothing else") {
  CHECK(asked().takes_part());
  CHECK(handoff_of(std::string("x-drover-handoff:v1 ;key=") + kKey + "\r\n").takes_part());
  CHECK_FALSE(handoff_of("").takes_part());
  for (const char* value : {"", "v1", "v1; key=", "v1; key=0123", "v2; key=0123456789abcdef0123456789abcdef",
                            "v1; key=0123456789ABCDEF0123456789abcdef", "v1; lock=0123456789abcdef0123456789abcdef"}) {
    CAPTURE(value);
    CHECK_FALSE(handoff_of("X-Drover-Handoff: " + std::string(value) + "\r\n").takes_part());
  }
}

TEST_CASE("enter is waited for by a resumed connection that takes part") {
  CHECK(asked("X-Drover-Resumed: 1\r\n").expects_enter());
  CHECK_FALSE(asked().expects_enter());
  CHECK_FALSE(handoff_of("X-Drover-Resumed: 1\r\n").expects_enter());  // a client's token, and no handoffs
}

TEST_CASE("leave and enter are read, with what enter says") {
  const auto handoff = asked();
  CHECK(handoff.read(with_key(R"({"drover":"leave")"))->verb == Verb::kLeave);
  const auto enter =
      handoff.read(with_key(R"({"drover":"enter")", R"(,"why":"left","state":{"b":[1],"a":2},"from":"web-1"})"));
  REQUIRE(enter.has_value());
  CHECK(enter->verb == Verb::kEnter);
  CHECK(enter->state == R"({"b":[1],"a":2})");
  CHECK(enter->why == "left");
  CHECK(enter->from == "web-1");
  const auto bare = handoff.read(with_key(R"({"drover":"enter")"));
  CHECK(bare->state == "null");
  CHECK(bare->why.empty());
}

TEST_CASE("a later version's verb is swallowed, and what lacks the key is the client's") {
  const auto handoff = asked();
  CHECK(handoff.read(with_key(R"({"drover":"sing")"))->verb == Verb::kUnknown);
  CHECK(handoff.read(with_key(R"({"drover":7)"))->verb == Verb::kUnknown);
  for (const char* text : {"", "whoami", R"({"drover":"leave"})", R"({"drover":"leave","key":7})",
                           R"({"drover":"leave","key":"00000000000000000000000000000000"})",
                           R"({"drover":"leave","key":"0123456789abcdef0123456789abcdef")",
                           R"({"key":"0123456789abcdef0123456789abcdef","drover":"leave"})"}) {
    CAPTURE(text);
    CHECK_FALSE(handoff.read(text).has_value());
  }
  CHECK_FALSE(handoff_of("").read(R"({"drover":"leave","key":""})").has_value());
}

TEST_CASE("left has its members in the order of the contract") {
  CHECK(asked().left(R"({"count":3})") ==
        R"({"drover":"left","key":"0123456789abcdef0123456789abcdef","state":{"count":3}})");
}
