// Every code as the client sees it.
#include "http/answer.h"

#include "feeding.h"
#include "http/head_parser.h"

namespace drover::http {
namespace {

struct Answer {
  std::string head;
  std::string body;
  unsigned status = 0;
};

// Reads an answer with Drover's own parser: it must be whole, and nothing may follow.
Answer read_answer(const Error& error) {
  const auto text = answer_to(error);
  ResponseParser parser({});
  const auto fed = parser.feed(as_bytes(text));
  REQUIRE_MESSAGE(fed, fed.error().detail);
  REQUIRE(fed->complete);
  const auto body = text.substr(fed->consumed);
  const auto fed_body = parser.feed_body(as_bytes(body));
  REQUIRE(fed_body);
  CHECK(fed_body->complete);
  CHECK(fed_body->consumed == body.size());
  CHECK(parser.head().find("Content-Type") == "text/plain; charset=utf-8");
  CHECK(parser.head().has_token(HeaderName::kConnection, "close"));
  return {test::described(parser.head()), body, parser.head().status()};
}

TEST_CASE("every code has its status, reason and a whole answer") {
  struct {
    Code code;
    Side side;
    unsigned status;
    std::string_view reason;
  } const cases[] = {
      {Code::kBadRequest, Side::kClient, 400, "Bad Request"},
      {Code::kUnauthorized, Side::kClient, 401, "Unauthorized"},
      {Code::kForbidden, Side::kClient, 403, "Forbidden"},
      {Code::kNoRoute, Side::kClient, 404, "Not Found"},
      {Code::kMethodNotAllowed, Side::kClient, 405, "Method Not Allowed"},
      {Code::kRequestTimeout, Side::kClient, 408, "Request Timeout"},
      {Code::kTargetTooLong, Side::kClient, 414, "URI Too Long"},
      {Code::kUpgradeRequired, Side::kClient, 426, "Upgrade Required"},
      {Code::kUnsupportedVersion, Side::kClient, 426, "Upgrade Required"},
      {Code::kTooManyRequests, Side::kClient, 429, "Too Many Requests"},
      {Code::kHeadTooLarge, Side::kClient, 431, "Request Header Fields Too Large"},
      {Code::kBadGateway, Side::kBackend, 502, "Bad Gateway"},
      {Code::kUnavailable, Side::kBackend, 503, "Service Unavailable"},
      {Code::kGatewayTimeout, Side::kBackend, 504, "Gateway Timeout"},
      {Code::kConnectFailed, Side::kBackend, 503, "Service Unavailable"},
      {Code::kConnectTimeout, Side::kBackend, 503, "Service Unavailable"},
      {Code::kOwnResources, Side::kDrover, 503, "Service Unavailable"},
      {Code::kAddress, Side::kDrover, 503, "Service Unavailable"},
      {Code::kConfiguration, Side::kDrover, 503, "Service Unavailable"},
      {Code::kInternal, Side::kDrover, 503, "Service Unavailable"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.status);
    CHECK(status_of(one.code) == one.status);
    CHECK(reason_of(one.status) == one.reason);
    const auto answer = read_answer({one.code, one.side, "10.0.1.10:8080 is gone"});
    CHECK(answer.head.starts_with(std::to_string(one.status) + " " + std::string(one.reason) + "\n"));
    CHECK(answer.body.starts_with(std::string(one.reason) + ": "));
    CHECK(answer.body.ends_with(".\n"));
    CHECK(std::ranges::count(answer.body, '\n') == 1);
    CHECK(answer.head.contains("Retry-After=") == (one.status == 503));
    CHECK(answer.head.contains("Allow=GET\n") == (one.status == 405));
    CHECK(answer.head.contains("WWW-Authenticate=Drover-Token\n") == (one.status == 401));
    CHECK(answer.head.contains("Upgrade=websocket\n") == (one.status == 426));
    CHECK(answer.head.contains("Connection=close, Upgrade\n") == (one.status == 426));
    CHECK(answer.head.contains("Sec-WebSocket-Version=13\n") == (one.status == 426));
    // Only who is to blame learns what happened.
    CHECK(answer.body.contains("10.0.1.10:8080 is gone") == (one.side == Side::kClient));

    const auto mute = read_answer({one.code, one.side, ""});
    CHECK(mute.body.size() > one.reason.size() + 4);
  }
}

TEST_CASE("a status that Drover does not know still has a reason") {
  CHECK(reason_of(299) == "Unknown");
  CHECK(reason_of(409) == "Conflict");
  CHECK(reason_of(422) == "Unprocessable Content");
}

TEST_CASE("a page has its policy, its length in bytes, and no body for HEAD") {
  const Page page{.html = "<p>\u017e</p>", .policy = "default-src 'none'"};
  const auto whole = page_answer(page, Body::kSent);
  ResponseParser parser({});
  const auto fed = parser.feed(as_bytes(whole));
  REQUIRE(fed);
  REQUIRE(fed->complete);
  const auto& head = parser.head();
  CHECK(head.status() == 200);
  CHECK(head.find("Content-Type") == "text/html; charset=utf-8");
  CHECK(head.find("Content-Length") == "9");
  CHECK(head.find("Cache-Control") == "no-store");
  CHECK(head.find("Content-Security-Policy") == "default-src 'none'");
  CHECK(head.find("X-Content-Type-Options") == "nosniff");
  CHECK(head.has_token(HeaderName::kConnection, "close"));
  CHECK(whole.substr(fed->consumed) == page.html);
  CHECK(page_answer(page, Body::kLeftOut) == whole.substr(0, fed->consumed));
}

}  // namespace
}  // namespace drover::http
