// The HTTP client of `drover ctl` before servers that do not do what they should.
#include "app/ctl_client.h"

#include <doctest/doctest.h>

#include <chrono>

#include "canned_server.h"
#include "config/addresses.h"

using namespace drover;
using namespace drover::app;
using namespace std::chrono_literals;

namespace {

AdminPort port_at(const std::string& address, const std::string& token = "") {
  return {*config::parse_endpoint(address), token};
}

CtlClient client_of(const CannedServer& server, Milliseconds timeout = 30s) {
  return CtlClient(port_at(server.address()), timeout);
}

CannedServer::Answer always(std::string text) {
  return [text = std::move(text)](const std::string&) { return text; };
}

Error error_of(CannedServer& server, Milliseconds timeout = 30s) {
  const auto body = client_of(server, timeout).get("/health");
  REQUIRE_FALSE(body.has_value());
  CHECK(body.error().detail.contains(server.address()));
  return body.error();
}

Error refusal(unsigned status, const std::string& body) {
  CannedServer server(always(http_answer(status, body)));
  return error_of(server);
}

// A port that nobody listens on.
std::string refused_address() {
  return CannedServer(always("")).address();
}

}  // namespace

TEST_CASE("ctl: a request says who it is for, and only what it has") {
  CannedServer server(always(http_answer(200, "{}")));
  const CtlClient client(port_at(server.address(), "0123456789abcdef"), 30s);
  CHECK(client.get("/a?b=c").value() == "{}");
  CHECK(client.demand("PUT", "/w", R"({"weight":2})").has_value());
  CHECK(client.demand("POST", "/r", "").has_value());
  CHECK(client_of(server).get("/x").has_value());
  const auto asked = server.asked();
  REQUIRE(asked.size() == 4);
  CHECK(asked[0] == "GET /a?b=c HTTP/1.1\r\nHost: " + server.address() +
                        "\r\nAccept: application/json\r\nConnection: close\r\n"
                        "Authorization: Bearer 0123456789abcdef\r\n\r\n");
  CHECK(asked[1].starts_with("PUT /w HTTP/1.1\r\n"));
  CHECK(asked[1].ends_with("Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"weight\":2}"));
  CHECK(asked[2].ends_with("Content-Length: 0\r\n\r\n"));
  CHECK_FALSE(asked[3].contains("Authorization"));
}

TEST_CASE("ctl: bodies end by length, by chunks, or with the connection") {
  for (const char* text : {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
                           "HTTP/1.1 200 OK\r\n\r\n{}", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"}) {
    CAPTURE(text);
    CannedServer server(always(text));
    CHECK(client_of(server).get("/").value_or("none") == "{}");
  }
}

TEST_CASE("ctl: an answer that is whole needs no end of the connection") {
  CannedServer server(always(http_answer(200, "{}")), CannedServer::End::kStayOpen);
  CHECK(client_of(server).get("/").value_or("none") == "{}");
}

TEST_CASE("ctl: nobody there") {
  const auto address = refused_address();
  const auto body = CtlClient(port_at(address), 30s).get("/health");
  REQUIRE_FALSE(body.has_value());
  CHECK(body.error().code == Code::kConnectFailed);
  CHECK(body.error().detail ==
        "no answer at " + address + ": connection refused; is Drover running, and is admin.bind that address?");
  const auto unknown = CtlClient(port_at("no-such-host.invalid:9900"), 30s).get("/health");
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == Code::kAddress);
  CHECK(unknown.error().detail.contains("no-such-host.invalid"));
}

TEST_CASE("ctl: silence, and an answer that stops in the middle, end at the deadline") {
  for (const char* text : {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"}) {
    CAPTURE(text);
    CannedServer server(always(text), CannedServer::End::kStayOpen);
    const auto began = monotonic_now();
    const auto error = error_of(server, 50ms);
    CHECK(error.code == Code::kConnectTimeout);
    CHECK(error.detail.contains("within 50ms"));
    CHECK(monotonic_now() - began >= 50ms);
  }
}

TEST_CASE("ctl: one deadline is for everything that is asked") {
  CannedServer server(always(http_answer(200, "{}")));
  const CtlClient client = client_of(server, 1ms);
  const auto deadline = monotonic_now() + 1ms;
  while (monotonic_now() <= deadline) static_cast<void>(client.get("/"));
  const auto late = client.get("/");
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().code == Code::kConnectTimeout);
}

TEST_CASE("ctl: an answer that is cut short is none") {
  for (const char* text : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"}) {
    CAPTURE(text);
    CannedServer server(always(text));
    const auto error = error_of(server);
    CHECK(error.code == Code::kBadGateway);
    CHECK(error.detail.contains("before it was whole"));
  }
}

TEST_CASE("ctl: what is not the admin port is recognised") {
  for (const char* text : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nBroken Header: x\r\n\r\n{}",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    CAPTURE(text);
    CannedServer server(always(text));
    const auto error = error_of(server);
    CHECK(error.code == Code::kBadGateway);
    CHECK(error.detail.contains("does not speak HTTP"));
    CHECK(error.detail.contains("is it Drover's admin port?"));
  }
  const auto page = refusal(200, "<html>");
  CHECK(page.code == Code::kBadGateway);
  CHECK(page.detail.contains("answers 200 with something that is not JSON"));
}

TEST_CASE("ctl: an answer without end is given up at 16 MiB") {
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  CannedServer endless(always(head + std::string(CtlClient::kMostBytes + 1, ' ')));
  const auto error = error_of(endless);
  CHECK(error.code == Code::kBadGateway);
  CHECK(error.detail.contains("more than 17 MB"));
  CannedServer large(always(head + std::string(CtlClient::kMostBytes - head.size() - 2, ' ') + "{}"));
  CHECK(client_of(large).get("/").has_value());
}

TEST_CASE("ctl: a refusal is the server's sentence") {
  CHECK(refusal(404, R"({"error":"no session 'x'"})").detail.starts_with("no session 'x' (404 from 127.0.0.1:"));
  CHECK(refusal(403, R"({"error":"Host must be localhost"})").detail.starts_with("Host must be localhost (403"));
  CHECK(refusal(500, R"({"oops":1})").detail.starts_with("no reason given (500"));
  CHECK(refusal(404, R"({"error":"\u001b[31m\n"})").detail.starts_with(R"(\x1b[31m\x0a (404)"));
  CHECK(refusal(302, "{}").code == Code::kUnavailable);
}

TEST_CASE("ctl: 401 says where a token goes, or that it is the wrong one") {
  const auto without = refusal(401, R"({"error":"a token is needed"})");
  CHECK(without.detail.contains("DROVER_ADMIN_TOKEN"));
  CHECK(without.detail.contains("--token-file"));
  CannedServer server(always(http_answer(401, "{}")));
  const auto with = CtlClient(port_at(server.address(), "0123456789abcdef"), 30s).get("/");
  REQUIRE_FALSE(with.has_value());
  CHECK(with.error().detail.contains("does not take this token"));
  CHECK_FALSE(with.error().detail.contains("0123456789abcdef"));
}

TEST_CASE("ctl: any status is an answer to who asks for it") {
  CannedServer server(always(http_answer(503, R"({"ready":false})")));
  const auto answer = client_of(server).ask("GET", "/ready");
  REQUIRE(answer.has_value());
  CHECK(answer->status == 503);
  CHECK(answer->body == R"({"ready":false})");
}

TEST_CASE("ctl: names are percent-encoded") {
  CHECK(percent_encoded("web-1._~") == "web-1._~");
  CHECK(percent_encoded("a/b@[::1]:80 %?&#") == "a%2Fb%40%5B%3A%3A1%5D%3A80%20%25%3F%26%23");
  CHECK(percent_encoded("\xC3\xA9\n") == "%C3%A9%0A");
}
