// RULES 'The request', as far as the head alone decides it: each line of that table that a parser can check.
#include <array>

#include "feeding.h"
#include "http/head_parser.h"

namespace drover::http {
namespace {

using test::outcome_of;

constexpr std::string_view kUpgrade =
    "GET /chat?room=7 HTTP/1.1\r\n"
    "Host: chat.example.com\r\n"
    "Upgrade: websocket\r\n"
    "Connection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "X-Odd: \t tab\tand \xfc\xff inside \t\r\n"
    "\r\n";

void refused(std::string_view text, Code code, const HeadLimits& limits = {}) {
  CAPTURE(text.substr(0, 200));
  const auto outcome = outcome_of<RequestParser>(text, limits);
  REQUIRE_MESSAGE(outcome.error, outcome.verdict);
  CHECK(outcome.error->code == code);
  CHECK(outcome.error->side == Side::kClient);
  CHECK_FALSE(outcome.error->detail.empty());
}

// A request that is right but for one or more header lines.
std::string with(std::string_view lines, std::string_view request_line = "GET / HTTP/1.1") {
  return std::string(request_line) + "\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}
void refused_line(std::string_view lines, std::string_view request_line = "GET / HTTP/1.1") {
  refused(with(lines, request_line), Code::kBadRequest);
}
void accepted(std::string_view text) {
  CAPTURE(text);
  const auto outcome = outcome_of<RequestParser>(text);
  CHECK_MESSAGE(outcome.verdict == "complete", outcome.verdict);
  CHECK(outcome.consumed == text.size());
}

TEST_CASE("an upgrade request is read as written, whatever the cuts") {
  const auto outcome = outcome_of<RequestParser>(kUpgrade);
  CHECK(outcome.verdict == "complete");
  CHECK(outcome.consumed == kUpgrade.size());
  CHECK(outcome.head ==
        "GET /chat?room=7 1\nHost=chat.example.com\nUpgrade=websocket\nConnection=keep-alive, Upgrade\n"
        "Sec-WebSocket-Key=dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version=13\nX-Odd=tab\tand \xfc\xff inside\n");
}

TEST_CASE("bytes behind the head are the caller's, with every kind of head") {
  const std::string frames("\x81\x85\x01\x02\x03\x04hello\r\n\r\n\x00\n", 17);
  for (const auto& head :
       {std::string(kUpgrade), with(""), with("Content-Length: 5\r\n"),
        with("Content-Length: 0\r\n", "POST / HTTP/1.1"), with("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1"),
        with("", "GET / HTTP/1.0"), with("Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n"),
        with("Upgrade: websocket\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n")}) {
    CAPTURE(head);
    const auto outcome = outcome_of<RequestParser>(head + frames);
    CHECK(outcome.verdict == "complete");
    CHECK(outcome.consumed == head.size());
  }
}

TEST_CASE("nothing is held of a large input behind the head") {
  const HeadLimits limits{.max_head_size = kUpgrade.size(), .max_headers = 100, .max_target = 100};
  const auto text = std::string(kUpgrade) + std::string(65536, 'x');
  const auto outcome = outcome_of<RequestParser>(text, limits);
  CHECK(outcome.verdict == "complete");
  CHECK(outcome.consumed == kUpgrade.size());
}

TEST_CASE("one empty line before the request is passed over, no more") {
  const auto outcome = outcome_of<RequestParser>("\r\n" + std::string(kUpgrade));
  CHECK(outcome.verdict == "complete");
  CHECK(outcome.consumed == kUpgrade.size() + 2);
  refused("\r\n\r\n" + std::string(kUpgrade), Code::kBadRequest);
  refused("\n" + std::string(kUpgrade), Code::kBadRequest);
  refused("\r" + std::string(kUpgrade), Code::kBadRequest);
}

TEST_CASE("a parser has started with the first byte that is not of an empty line") {
  RequestParser parser({});
  CHECK_FALSE(parser.started());
  for (const std::string_view piece : {"", "\r", "\n"}) {
    REQUIRE(parser.feed(as_bytes(piece)));
    CHECK_FALSE(parser.started());
  }
  REQUIRE(parser.feed(as_bytes("G")));
  CHECK(parser.started());
}

TEST_CASE("HTTP/1.0 and 1.1, and no other version") {
  CHECK(outcome_of<RequestParser>(with("", "GET / HTTP/1.0")).head.starts_with("GET / 0\n"));
  CHECK(outcome_of<RequestParser>(with("", "GET / HTTP/1.1")).head.starts_with("GET / 1\n"));
  for (const std::string_view line : {"GET /",           "GET / ",           "GET / HTTP/0.9",  "GET / HTTP/2.0",
                                      "GET / HTTP/1.2",  "GET / HTTP/1.",    "GET / HTTP/1.10", "GET / http/1.1",
                                      "GET / HTTP/1.1 ", "GET /  HTTP/1.1",  "GET  / HTTP/1.1", "GET / a HTTP/1.1",
                                      " GET / HTTP/1.1", "GET\t/\tHTTP/1.1", "GET / XTTP/1.1",  "G\xe9T / HTTP/1.1",
                                      "FOO / HTTP/1.1",  "get / HTTP/1.1",   "/ HTTP/1.1",      "GET\tX / HTTP/1.1"}) {
    refused_line("", line);
  }
  refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Code::kBadRequest);
  refused("GET /\r\n", Code::kBadRequest);
}

TEST_CASE("garbage is refused at once, not when a line has come") {
  refused("\x16\x03\x01\x02", Code::kBadRequest);
  refused(std::string_view("\0", 1), Code::kBadRequest);
}

TEST_CASE("exactly one Host, and a sane one") {
  refused("GET / HTTP/1.1\r\n\r\n", Code::kBadRequest);
  refused("GET / HTTP/1.0\r\nA: b\r\n\r\n", Code::kBadRequest);
  refused("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Code::kBadRequest);
  for (const std::string_view host : {"", " ", "a b", "a,b", "a/b", "u@a", "a\x1f", "a:b"})
    refused("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", Code::kBadRequest);
  accepted("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
}

TEST_CASE("bare LF and bare CR, anywhere") {
  refused("GET / HTTP/1.1\nHost: a\r\n\r\n", Code::kBadRequest);
  refused("GET / HTTP/1.1\r\nHost: a\n\r\n", Code::kBadRequest);
  refused("GET / HTTP/1.1\r\nHost: a\r\n\n", Code::kBadRequest);
  refused("GET / HTTP/1.1\r\rHost: a\r\n\r\n", Code::kBadRequest);
  refused_line("A: b\rC: d\r\n");
  refused_line("A: b\r\r\n");
  refused_line("A:\rb\r\n");
  refused_line("A\r: b\r\n");
  refused_line("\rA: b\r\n");
  refused_line("A: b\n");
}

TEST_CASE("no folded headers, not even before the value") {
  refused_line("A: b\r\n c\r\n");
  refused_line("A: b\r\n\tc\r\n");
  refused_line("A: b\r\n \r\n");
  refused_line("A: b\r\n c: d\r\n");
  refused_line("A:\r\n b\r\n");
  refused_line("Transfer-Encoding:\r\n chunked\r\n", "POST / HTTP/1.1");
  refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Code::kBadRequest);
}

TEST_CASE("header names: a token, right before the colon") {
  refused_line(": b\r\n");
  refused_line(":\r\n");
  refused_line("A : b\r\n");
  refused_line("A\t: b\r\n");
  refused_line("A b: c\r\n");
  refused_line("A\r\n");
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    CAPTURE(byte);
    const bool token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(c));
    if (c == ':') continue;  // ends the name
    RequestParser parser({});
    const auto fed = parser.feed(as_bytes(with(std::string("X") + c + "Y: z\r\n")));
    CHECK(fed.has_value() == token);
  }
}

TEST_CASE("header values: anything but control characters") {
  for (const std::string_view name : {"X", "Connection", "Upgrade", "Keep-Alive", "Cookie"}) {
    for (int byte = 0; byte < 256; ++byte) {
      CAPTURE(name);
      CAPTURE(byte);
      RequestParser parser({});
      const auto fed = parser.feed(as_bytes(with(std::string(name) + ": y" + static_cast<char>(byte) + "z\r\n")));
      CHECK(fed.has_value() == (byte == '\t' || (byte >= 0x20 && byte != 0x7f)));
    }
  }
}

TEST_CASE("targets: printable ASCII without a fragment") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    for (const std::string_view before : {"/a", "/a?b"}) {
      RequestParser parser({});
      const auto line = "GET " + std::string(before) + static_cast<char>(byte) + "z HTTP/1.1";
      const auto fed = parser.feed(as_bytes(with("", line)));
      CHECK(fed.has_value() == (byte > ' ' && byte < 0x7f && byte != '#'));
    }
  }
}

TEST_CASE("framing that two servers could read differently") {
  for (const std::string_view lines : {"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                                       "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
                                       "Content-Length: 1\r\nContent-Length: 1\r\n",
                                       "Content-Length: 1\r\ncontent-length: 2\r\n",
                                       "Content-Length: 1, 1\r\n",
                                       "Content-Length: -1\r\n",
                                       "Content-Length: +1\r\n",
                                       "Content-Length: 0x1\r\n",
                                       "Content-Length: 1 1\r\n",
                                       "Content-Length:\r\n",
                                       "Content-Length: a\r\n",
                                       "Content-Length: 18446744073709551616\r\n",
                                       "Transfer-Encoding: gzip\r\n",
                                       "Transfer-Encoding:\r\n",
                                       "Transfer-Encoding: identity\r\n",
                                       "Transfer-Encoding: gzip, chunked\r\n",
                                       "Transfer-Encoding: chunked, gzip\r\n",
                                       "Transfer-Encoding: chunked, chunked\r\n",
                                       "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                       "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                                       "Transfer-Encoding: xchunked\r\n",
                                       "Transfer-Encoding: \"chunked\"\r\n",
                                       "Transfer-Encoding: chunked;a=b\r\n",
                                       "Transfer-Encoding: \x0b"
                                       "chunked\r\n"}) {
    refused_line(lines, "POST / HTTP/1.1");
    refused_line("Upgrade: websocket\r\nConnection: Upgrade\r\n" + std::string(lines));
  }
  refused_line("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0");
  accepted(with("Content-Length: 5\r\n", "POST / HTTP/1.1"));
  accepted(with("Transfer-Encoding: Chunked\r\n", "POST / HTTP/1.1"));
}

TEST_CASE("a refusal says what was wrong, though llhttp would have refused it too") {
  const auto detail_of = [](std::string_view text) {
    const auto outcome = outcome_of<RequestParser>(text);
    REQUIRE(outcome.error);
    return outcome.error->detail;
  };
  CHECK(detail_of("GET / HTTP/1.1\r\n\r\n") == "there is no Host header");
  CHECK(detail_of(with("", "GET ftp://a/ HTTP/1.1")) == "the target is neither a path nor an http or ws URL");
  CHECK(detail_of(with("", "GET http://b/ HTTP/1.1")) == "the target's authority and Host disagree");
  CHECK(detail_of(with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")) ==
        "there are both Content-Length and Transfer-Encoding");
  CHECK(detail_of(with("Content-Length: 1\r\nContent-Length: 1\r\n")) == "there are several Content-Length headers");
  CHECK(detail_of(with("Content-Length: 1x\r\n")) == "Content-Length is not a number of bytes");
  CHECK(detail_of(with("Content-Length: 99999999999999999999\r\n")) == "Content-Length is not a number of bytes");
  CHECK(detail_of(with("A(: b\r\n")).starts_with("malformed head: "));
}

TEST_CASE("forms of target, and their agreement with Host") {
  refused("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Code::kMethodNotAllowed);
  refused("CONNECT a:443", Code::kMethodNotAllowed);
  refused("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", Code::kMethodNotAllowed);
  for (const std::string_view line :
       {"GET * HTTP/1.1", "OPTIONS ** HTTP/1.1", "GET a HTTP/1.1", "GET a:80 HTTP/1.1", "GET ?x HTTP/1.1",
        "GET http://b/ HTTP/1.1", "GET http://a:80/ HTTP/1.1", "GET http://u@a/ HTTP/1.1", "GET http:/// HTTP/1.1",
        "GET http:a HTTP/1.1", "GET ftp://a/ HTTP/1.1", "GET x://a/ HTTP/1.1", "GET //a HTTP/1.1 x",
        "GET http://b?a/ HTTP/1.1"}) {
    refused_line("", line);
  }
  accepted(with("", "OPTIONS * HTTP/1.1"));
  accepted(with("", "GET http://a/x?y HTTP/1.1"));
  accepted(with("", "GET ws://A?y HTTP/1.1"));
  accepted(with("", "GET WSS://a HTTP/1.1"));
  accepted(with("", "GET //b/x HTTP/1.1"));
}

TEST_CASE("a target at its limit, and one byte over it") {
  const HeadLimits limits{.max_head_size = 16384, .max_headers = 100, .max_target = 8192};
  const auto request = [](std::size_t size) { return "GET /" + std::string(size - 1, 'a'); };
  CHECK(outcome_of<RequestParser>(request(8192) + " HTTP/1.1\r\nHost: a\r\n\r\n", limits).verdict == "complete");
  refused(request(8193) + " HTTP/1.1\r\nHost: a\r\n\r\n", Code::kTargetTooLong, limits);
  CHECK(outcome_of<RequestParser>(request(8192), limits).verdict == "more");
  refused(request(8193), Code::kTargetTooLong, limits);  // long before its line ends
  refused("\r\n" + request(8193), Code::kTargetTooLong, limits);
}

TEST_CASE("a head at its size limit, and one byte over it") {
  const auto size = kUpgrade.size();
  const auto limit = [](std::size_t bytes) {
    return HeadLimits{.max_head_size = bytes, .max_headers = 9, .max_target = 99};
  };
  CHECK(outcome_of<RequestParser>(kUpgrade, limit(size)).verdict == "complete");
  refused(kUpgrade, Code::kHeadTooLarge, limit(size - 1));
  CHECK(outcome_of<RequestParser>(kUpgrade.substr(0, size - 1), limit(size)).verdict == "more");
  refused(kUpgrade.substr(0, size - 1), Code::kHeadTooLarge, limit(size - 1));  // as soon as no end can fit
  refused("\r\n" + std::string(kUpgrade), Code::kHeadTooLarge, limit(size));    // the empty line counts
  refused("GET / HTTP/1.1\r\nA: " + std::string(20000, 'a'), Code::kHeadTooLarge);
}

TEST_CASE("header lines at their limit, and one over it") {
  const auto lines = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 1; i < count; ++i) text += "A: b\r\n";  // Host is one too
    return text;
  };
  accepted(with(lines(100)));
  refused(with(lines(101)), Code::kHeadTooLarge);
  refused("GET / HTTP/1.1\r\nHost: a\r\n" + lines(101), Code::kHeadTooLarge);  // before the head ends
}

TEST_CASE("escapes in the target stay escapes") {
  CHECK(outcome_of<RequestParser>(with("", "GET /a%0d%0aX:%20y?%0D%0A HTTP/1.1"))
            .head.starts_with("GET /a%0d%0aX:%20y?%0D%0A 1\n"));
}

TEST_CASE("a head that has not ended is incomplete and no error, wherever it stops") {
  for (std::size_t size = 0; size < kUpgrade.size(); ++size) {
    RequestParser parser({});
    const auto fed = parser.feed(as_bytes(kUpgrade.substr(0, size)));
    REQUIRE(fed);
    CHECK_FALSE(fed->complete);
    CHECK(fed->consumed == size);
  }
}

}  // namespace
}  // namespace drover::http
