// RULES 'The backend's answer', as far as the head and the framing of the body decide it.
#include "feeding.h"
#include "http/head_parser.h"

namespace drover::http {
namespace {

using test::outcome_of;

constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "\r\n";

void refused(std::string_view text, const HeadLimits& limits = {}) {
  CAPTURE(text.substr(0, 200));
  const auto outcome = outcome_of<ResponseParser>(text, limits);
  REQUIRE_MESSAGE(outcome.error, outcome.verdict);
  CHECK(outcome.error->code == Code::kBadGateway);
  CHECK(outcome.error->side == Side::kBackend);
  CHECK_FALSE(outcome.error->detail.empty());
}
void refused_line(std::string_view lines) {
  refused("HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n");
}

// Feeds a whole answer, in pieces of `step` bytes, and says how its body ended: "whole at N", "more" or "broken".
std::string body_of(std::string_view head, std::string_view body, std::size_t step) {
  ResponseParser parser({});
  test::read(parser, head);
  std::size_t at = 0;
  while (true) {
    const auto piece = body.substr(at, step);
    const auto fed = parser.feed_body(as_bytes(piece));
    if (!fed) {
      CHECK(fed.error().code == Code::kBadGateway);
      CHECK(fed.error().side == Side::kBackend);
      CHECK_FALSE(parser.finish());
      return "broken";
    }
    at += fed->consumed;
    if (fed->complete) {
      CHECK(parser.finish());
      return "whole at " + std::to_string(at);
    }
    REQUIRE(fed->consumed == piece.size());
    if (at == body.size()) return parser.finish() ? "more, may end" : "more, must not end";
  }
}
std::string body_of(std::string_view headers, std::string_view body) {
  const auto head = std::string(headers) + "\r\n\r\n";
  const auto expected = body_of(head, body, body.size() + 1);
  for (std::size_t step = 1; step <= body.size(); ++step) CHECK(body_of(head, body, step) == expected);
  return expected;
}

TEST_CASE("a 101 ends at its empty line, and the frames behind it are the caller's") {
  for (const std::string_view line : {"", "Content-Length: 0\r\n", "Content-Length: 5\r\n"}) {
    auto head = std::string(kSwitching);
    head.insert(head.size() - 2, line);
    CAPTURE(head);
    const auto outcome = outcome_of<ResponseParser>(head + "\x81\x05hello\r\n\r\n");
    CHECK(outcome.verdict == "complete");
    CHECK(outcome.consumed == head.size());
    CHECK(outcome.head.starts_with("101 Switching Protocols\nUpgrade=websocket\n"));

    ResponseParser parser({});
    test::read(parser, head);
    CHECK(parser.body_is_empty());
    CHECK(parser.feed_body(as_bytes("\x81\x05hello"))->complete);
    CHECK(parser.feed_body(as_bytes("\x81\x05hello"))->consumed == 0);
  }
}

TEST_CASE("interim answers are passed over, but not for ever") {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const auto outcome = outcome_of<ResponseParser>(interim + std::string(kSwitching) + "x");
  CHECK(outcome.verdict == "complete");
  CHECK(outcome.consumed == interim.size() + kSwitching.size());
  CHECK(outcome.head.starts_with("101 Switching Protocols\nUpgrade=websocket\n"));
  CHECK(outcome_of<ResponseParser>(interim).verdict == "more");

  std::string endless;
  for (int i = 0; i < 1000; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  refused(endless);
}

TEST_CASE("broken status lines, at once where that can be told") {
  for (const std::string_view text :
       {"SSH-2.0-OpenSSH_9.2", "HTTP/2.0 200 OK\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n", "HTTP/1.1 700 X\r\n\r\n", "HTTP/1.1 200 O\x01K\r\n\r\n",
        "HTTP/1.1 200 OK\n\r\n", "HTTP/1.0 101 X\r\n\r\n", "\x81\x05hello", "+OK\r\n", "HTTP/1.1\r\n\r\n"}) {
    refused(text);
  }
  CHECK(outcome_of<ResponseParser>("HTTP/1.1 204\r\n\r\n").verdict == "complete");
}

TEST_CASE("broken headers") {
  for (const std::string_view lines :
       {"A: b\r\n c\r\n", "A:\r\n b\r\n", ": b\r\n", "A : b\r\n", "A\r\n", "A: b\rc\r\n", "A: b\n", "A: \x7f\r\n",
        "A(: b\r\n", "Content-Length: 1\r\nContent-Length: 1\r\n", "Content-Length: x\r\n", "Content-Length: 1,1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n"}) {
    refused_line(lines);
  }
  refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  refused("HTTP/1.1 101 X\r\nTransfer-Encoding: chunked\r\n\r\n");
  refused("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n");
  refused("HTTP/1.1 101 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("limits") {
  const HeadLimits limits{.max_head_size = 100, .max_headers = 2, .max_target = 10};
  refused("HTTP/1.1 200 " + std::string(100, 'a'), limits);
  refused("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", limits);
  CHECK(outcome_of<ResponseParser>("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\n\r\n", limits).verdict == "complete");
}

TEST_CASE("a body by Content-Length") {
  CHECK(body_of("HTTP/1.1 403 No\r\nContent-Length: 5", "hello") == "whole at 5");
  CHECK(body_of("HTTP/1.1 403 No\r\nContent-Length: 5", "hello and more") == "whole at 5");
  CHECK(body_of("HTTP/1.1 403 No\r\nContent-Length: 5", "hell") == "more, must not end");
  CHECK(body_of("HTTP/1.1 426 No\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5", "hello!") ==
        "whole at 5");
}

TEST_CASE("a chunked body") {
  constexpr std::string_view kHead = "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked";
  CHECK(body_of(kHead, "5\r\nhello\r\n0\r\n\r\n") == "whole at 15");
  CHECK(body_of(kHead, "5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\nmore") == "whole at 25");
  CHECK(body_of(kHead, "5\r\nhello\r\n0\r\n") == "more, must not end");
  CHECK(body_of(kHead, "5\r\nhello") == "more, must not end");
  CHECK(body_of(kHead, "x\r\nhello\r\n") == "broken");
  CHECK(body_of(kHead, "5\r\nhelloX\r\n0\r\n\r\n") == "broken");
  CHECK(body_of(kHead, "5\nhello\r\n0\r\n\r\n") == "broken");
  CHECK(body_of(kHead, "11111111111111111\r\nhello\r\n") == "broken");
}

// What is left of a body without its framing, fed in pieces of `step` bytes behind a head.
std::string payload_of(std::string_view head, std::string_view body, std::size_t step) {
  ResponseParser parser({});
  test::read(parser, head);
  std::string payload;
  for (std::size_t at = 0; at < body.size();) {
    const auto fed = parser.feed_body(as_bytes(body.substr(at, step)), payload);
    if (!fed || fed->complete) break;
    at += fed->consumed;
  }
  return payload;
}
std::string payload_of(std::string_view headers, std::string_view body) {
  const auto head = std::string(headers) + "\r\n\r\n";
  const auto expected = payload_of(head, body, body.size() + 1);
  for (std::size_t step = 1; step <= body.size(); ++step) CHECK(payload_of(head, body, step) == expected);
  return expected;
}

TEST_CASE("the payload of a body, without its framing and without what stands behind it") {
  CHECK(payload_of("HTTP/1.1 200 OK\r\nContent-Length: 5", "hello and more") == "hello");
  CHECK(payload_of("HTTP/1.1 200 OK\r\nContent-Length: 9", "hello") == "hello");
  CHECK(payload_of("HTTP/1.1 200 OK", "hello") == "hello");
  CHECK(payload_of("HTTP/1.1 204 OK", "hello").empty());
  constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked";
  CHECK(payload_of(kChunked, "3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nT: x\r\n\r\nmore") == "hello");
  CHECK(payload_of(kChunked, "3\r\nhel\r\n9\r\nlo") == "hello");
  CHECK(payload_of(kChunked, "3\r\nhel\r\nx\r\nlo") == "hel");
}

TEST_CASE("a body may be read with and without its payload in turns") {
  ResponseParser parser({});
  test::read(parser, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  std::string payload = "before ";
  REQUIRE(parser.feed_body(as_bytes("one"), payload));
  REQUIRE(parser.feed_body(as_bytes("two")));
  CHECK(parser.feed_body(as_bytes("sixes"), payload)->complete);
  CHECK(payload == "before onesix");
}

TEST_CASE("a body until the end of the connection") {
  CHECK(body_of("HTTP/1.1 200 OK", "hello") == "more, may end");
  CHECK(body_of("HTTP/1.0 200 OK", "") == "more, may end");
}

TEST_CASE("answers without a body") {
  for (const std::string_view head :
       {"HTTP/1.1 204 No", "HTTP/1.1 304 No", "HTTP/1.1 204 No\r\nContent-Length: 5",
        "HTTP/1.1 304 No\r\nContent-Length: 5", "HTTP/1.1 304 No\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 200 OK\r\nContent-Length: 0", "HTTP/1.1 200 OK\r\nContent-Length: 00"}) {
    CAPTURE(head);
    CHECK(body_of(head, "hello") == "whole at 0");
    ResponseParser parser({});
    test::read(parser, std::string(head) + "\r\n\r\n");
    CHECK(parser.body_is_empty());
  }
  ResponseParser parser({});
  test::read(parser, "HTTP/1.1 200 OK\r\n\r\n");
  CHECK_FALSE(parser.body_is_empty());
}

TEST_CASE("a connection that ends within the head cuts the answer short") {
  ResponseParser parser({});
  CHECK_FALSE(parser.finish());
  REQUIRE(parser.feed(as_bytes("HTTP/1.1 200 OK\r\n")));
  CHECK_FALSE(parser.finish());
}

}  // namespace
}  // namespace drover::http
