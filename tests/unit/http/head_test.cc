// Names, lists, and the parts of a target.
#include "http/head.h"

#include "feeding.h"

namespace drover::http {
namespace {

TEST_CASE("names are compared without regard to case, and as a whole") {
  CHECK(same_name("Sec-WebSocket-Key", "sec-websocket-KEY"));
  CHECK(same_name("", ""));
  CHECK_FALSE(same_name("Host", "Hos"));
  CHECK_FALSE(same_name("Host", "Hosts"));
  CHECK_FALSE(same_name("a@b", "a`b"));  // differ in the bit that tells case, but are no letters
  CHECK_FALSE(same_name("x-a", "x_a"));
}

TEST_CASE("a list gives its elements without white space and without the empty ones") {
  std::string_view rest = " ,keep-alive ,\t,  Upgrade\t,";
  CHECK(next_element(rest) == "keep-alive");
  CHECK(next_element(rest) == "Upgrade");
  CHECK(next_element(rest).empty());
  CHECK(next_element(rest).empty());
}

TEST_CASE("headers are found, counted and searched for tokens over all their lines") {
  RequestParser parser({});
  test::read(parser,
             "GET / HTTP/1.1\r\nHost: a\r\nconnection: keep-alive\r\nX-Empty:\r\nConnection: foo,Upgrade \r\n\r\n");
  const auto& head = parser.head();
  CHECK(head.size() == 4);
  CHECK(head.find("HOST") == "a");
  CHECK(head.find("connection") == "keep-alive");
  CHECK(head.find("x-empty") == "");
  CHECK_FALSE(head.find("hos"));
  CHECK(head.count("Connection") == 2);
  CHECK(head.count("upgrade") == 0);
  CHECK(head.has_token(HeaderName::kConnection, "upgrade"));
  CHECK(head.has_token(HeaderName::kConnection, "Keep-Alive"));
  CHECK_FALSE(head.has_token(HeaderName::kConnection, "keep"));
  CHECK_FALSE(head.has_token(HeaderName::kConnection, ""));
  CHECK_FALSE(head.has_token(HeaderName::kConnection, "a"));  // Host's
  CHECK(head.at(3).name == "Connection");
  CHECK(head.at(3).value == "foo,Upgrade");
}

TEST_CASE("a header that Drover acts upon is found by its class, its twin is not") {
  RequestParser parser({});
  test::read(parser, "GET / HTTP/1.1\r\nX_Real_IP: 1\r\nx-real-ip:2\r\nHOST: a\r\nX-Real-Ip: 3\r\nCookie: b\r\n\r\n");
  const auto& head = parser.head();
  CHECK(head.find(HeaderName::kXRealIp) == "2");
  CHECK(head.count(HeaderName::kXRealIp) == 2);
  CHECK(head.find(HeaderName::kHost) == "a");
  CHECK_FALSE(head.find(HeaderName::kConnection));
  CHECK(head.count(HeaderName::kUpgrade) == 0);
  CHECK(head.class_at(0).known == HeaderName::kOther);
  CHECK(head.class_at(0).twin == HeaderName::kXRealIp);
  CHECK(head.class_at(4).twin == HeaderName::kOther);
}

TEST_CASE("path and query of every form of target") {
  struct {
    std::string_view method, target, path, query;
  } const cases[] = {
      {"GET", "/", "/", ""},
      {"GET", "/chat/room?id=7&x=/y?z", "/chat/room", "id=7&x=/y?z"},
      {"GET", "/chat?", "/chat", ""},
      {"GET", "/a%0d%0ab?%00", "/a%0d%0ab", "%00"},
      {"GET", "//two", "//two", ""},
      {"GET", "/see?u=http://other/x", "/see", "u=http://other/x"},
      {"GET", "http://h/chat?x=1", "/chat", "x=1"},
      {"GET", "ws://h", "/", ""},
      {"GET", "WSS://h?x=/1", "/", "x=/1"},
      {"OPTIONS", "*", "*", ""},
  };
  for (const auto& one : cases) {
    CAPTURE(one.target);
    RequestParser parser({});
    test::read(parser, std::string(one.method) + " " + std::string(one.target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(parser.head().target() == one.target);
    CHECK(parser.head().path() == one.path);
    CHECK(parser.head().query() == one.query);
    CHECK(parser.head().host() == "h");
  }
}

}  // namespace
}  // namespace drover::http
