// What the admin server says, for every path, method and status.
#include "admin/endpoints.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "logged.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

Answer ask(const Status& status, std::string_view line, std::string_view headers = "Host: localhost\r\n") {
  Endpoints endpoints(serving({}, status), {});
  return ask(endpoints, Asked(line, headers));
}

}  // namespace

TEST_CASE("every answer is framed, typed, not cached, and the connection's last") {
  for (const char* line : {"GET /health", "GET /ready", "GET /nowhere", "POST /health"}) {
    const auto answer = ask(well(), line);
    CHECK(answer.head.starts_with("HTTP/1.1 "));
    CHECK(answer.has("Content-Type: application/json"));
    CHECK(answer.has("Content-Length: " + std::to_string(answer.body.size())));
    CHECK(answer.has("Cache-Control: no-store"));
    CHECK(answer.has("Connection: close"));
  }
}

TEST_CASE("HEAD has the head of GET and no body") {
  for (const char* path : {" /health", " /ready", " /nowhere"}) {
    const auto get = ask(well(), "GET" + std::string(path));
    const auto head = ask(well(), "HEAD" + std::string(path));
    CHECK(head.head == get.head);
    CHECK(head.body.empty());
  }
}

TEST_CASE("other methods are 405 and name those that are allowed") {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const auto answer = ask(well(), std::string(method) + " /ready");
    CHECK(answer.status == 405);
    CHECK(answer.has("Allow: GET, HEAD"));
    CHECK(answer.json().contains("error"));
  }
}

TEST_CASE("a path that is posted to allows nothing else") {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    const auto answer = ask(well(), std::string(method) + " /api/v1/backends/chat/web-1/load");
    CHECK(answer.status == 405);
    CHECK(answer.has("Allow: POST"));
  }
  const auto answer = ask(well(), "POST /api/v1/backends");
  CHECK(answer.status == 405);
  CHECK(answer.has("Allow: GET, HEAD"));
  CHECK(ask(well(), "GET /ready").head.find("Allow:") == std::string::npos);
}

TEST_CASE("a body is waited for where it is taken alone") {
  const Endpoints endpoints(serving({}, well()), {});
  const auto size = [&](std::string_view line, const std::string& headers, std::string_view host = "localhost") {
    return endpoints.body_size(Asked(line, "Host: " + std::string(host) + "\r\n" + headers).head());
  };
  constexpr std::string_view kLoad = "POST /api/v1/backends/chat/web-1/load";
  CHECK(size(kLoad, "Content-Length: 5\r\n") == 5);
  CHECK(size(kLoad, "Content-Length: 65536\r\n") == Endpoints::kMaxBody);
  CHECK(size(kLoad, "Content-Length: 65537\r\n") == 0);
  CHECK(size(kLoad, "Transfer-Encoding: chunked\r\n") == 0);
  CHECK(size(kLoad, "") == 0);
  CHECK(size(kLoad, "Content-Length: 5\r\n", "evil.example") == 0);
  CHECK(size("POST /api/v1/backends/chat/%/load", "Content-Length: 5\r\n") == 0);
  CHECK(size("POST /ready", "Content-Length: 5\r\n") == 0);
  CHECK(size("POST /nowhere", "Content-Length: 5\r\n") == 0);
  CHECK(size("GET /ready", "Content-Length: 5\r\n") == 0);
  CHECK(size("DELETE /api/v1/sessions/00f2a1b2c3d4e5f6", "Content-Length: 5\r\n") == 0);
}

TEST_CASE("a body that cannot be taken is refused with its reason") {
  const std::string host = "Host: localhost\r\n";
  constexpr std::string_view kLoad = "POST /api/v1/backends/chat/web-1/load";
  const auto large = ask(well(), kLoad, host + "Content-Length: 65537\r\n");
  CHECK(large.status == 413);
  CHECK(large.json() == Json{{"error", "the body is over 65536 bytes"}});
  const auto chunked = ask(well(), kLoad, host + "Transfer-Encoding: chunked\r\n");
  CHECK(chunked.status == 411);
  CHECK(chunked.json() == Json{{"error", "a body needs a Content-Length here, Transfer-Encoding is not taken"}});
}

TEST_CASE("an unknown path is 404 and is quoted without its query") {
  CHECK(ask(well(), "GET /x").json() == Json{{"error", "no such path '/x'"}});
  CHECK(ask(well(), "GET /x?token=secret").json() == Json{{"error", "no such path '/x'"}});
  CHECK(ask(well(), "GET /%22%0d").json() == Json{{"error", "no such path '/%22%0d'"}});
  CHECK(ask(well(), "GET /health/").status == 404);
  CHECK(ask(well(), "GET /Health").status == 404);
}

TEST_CASE("a query does not matter, nor does an absolute target") {
  CHECK(ask(well(), "GET /ready?x=1").status == 200);
  CHECK(ask(well(), "GET http://localhost/ready").status == 200);
}

TEST_CASE("a body is refused, an empty one is none") {
  const std::string host = "Host: localhost\r\n";
  CHECK(ask(well(), "GET /health", host + "Content-Length: 5\r\n").status == 413);
  CHECK(ask(well(), "GET /health", host + "Content-Length: 10\r\n").status == 413);
  CHECK(ask(well(), "GET /health", host + "Transfer-Encoding: chunked\r\n").status == 413);
  CHECK(ask(well(), "GET /health", host + "Content-Length: 0\r\n").status == 200);
}

TEST_CASE("foreign hosts and origins are 403 before anything is told") {
  Endpoints endpoints(Source{}, {});  // which cannot be asked anything
  for (const char* headers : {"Host: evil.example\r\n", "Host: localhost\r\nOrigin: http://evil.example\r\n"}) {
    for (const char* line : {"GET /health", "GET /nowhere", "POST /ready", "GET /api/v1/backends",
                             "POST /api/v1/backends/chat/web-1/load"}) {
      const auto answer = ask(endpoints, Asked(line, headers), "{}");
      CHECK(answer.status == 403);
      CHECK(answer.json().contains("error"));
    }
  }
}

TEST_CASE("with a token everything but what is open needs it") {
  Access access;
  access.tokens = {.all = "s3cret", .load = "reports"};
  const std::string load = "/api/v1/backends/chat/web-1/load";
  const auto backend = make_backend("web-1");
  Endpoints endpoints(serving({make_pool("chat", {backend})}, well()), access);
  const auto status = [&](const std::string& line, const std::string& token) {
    const std::string header = token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
    const auto answer = ask(endpoints, Asked(line, "Host: localhost\r\n" + header), R"({"cpu_usage":0.5})");
    CHECK((answer.status == 401) == answer.has("WWW-Authenticate: Bearer realm=\"drover\""));
    CHECK((answer.status == 401) == answer.has("WWW-Authenticate: Basic realm=\"drover\", charset=\"UTF-8\""));
    if (answer.status >= 400) CHECK(answer.json()["error"].get<std::string>().size() > 10);
    return answer.status;
  };
  for (const char* token : {"", "wrong", "reports", "s3cret"}) {
    for (const char* line : {"GET /health", "HEAD /ready"}) CHECK(status(line, token) == 200);
  }
  for (const auto& line : {"GET /api/v1/backends", "GET /nowhere", "GET /health/", "POST /ready", "DELETE /health"}) {
    CAPTURE(line);
    for (const char* token : {"", "wrong"}) CHECK(status(line, token) == 401);
    CHECK(status(line, "reports") == 403);
    CHECK(status(line, "s3cret") != 401);
  }
  CHECK(status("GET /api/v1/backends", "s3cret") == 200);
  CHECK(status("GET /nowhere", "s3cret") == 404);
  for (const char* token : {"", "wrong"}) CHECK(status("POST " + load, token) == 401);
  CHECK(!backend->load().cpu.last());
  CHECK(status("POST " + load, "reports") == 200);
  CHECK(status("POST " + load, "s3cret") == 200);
  CHECK(status("GET " + load, "reports") == 403);
}

TEST_CASE("a token does not make up for a foreign Host or Origin") {
  Access access;
  access.tokens.all = "s3cret";
  access.hosts = {"ops"};
  Endpoints endpoints(serving({}), access);
  const auto status = [&](const std::string& headers) {
    return ask(endpoints, Asked("GET /api/v1/backends", headers + "Authorization: Bearer s3cret\r\n")).status;
  };
  CHECK(status("Host: ops\r\n") == 200);
  CHECK(status("Host: evil.example\r\n") == 403);
  CHECK(status("Host: ops\r\nOrigin: http://evil.example\r\n") == 403);
}

TEST_CASE("a body is not waited for without the token") {
  Access access;
  access.tokens.all = "s3cret";
  const Endpoints endpoints(serving({}), access);
  const Asked asked("POST /api/v1/backends/chat/web-1/load", "Host: localhost\r\nContent-Length: 5\r\n");
  CHECK(endpoints.body_size(asked.head()) == 0);
}

TEST_CASE("requests without the token are logged once a second, and no token ever") {
  const auto text = logged([] {
    Access access;
    access.tokens = {.all = "s3cret", .load = "rep0rts"};
    Endpoints endpoints(serving({}), access);
    const Asked asked("GET /x?token=s3cret", "Host: localhost\r\nAuthorization: Bearer gu3ss\r\n");
    for (const int at : {0, 1, 999, 1000, 1999, 2500}) ask(endpoints, asked, "", kNow + Milliseconds(at));
    ask(endpoints, Asked("GET /x", "Host: localhost\r\nAuthorization: Bearer s3cret\r\n"));
    ask(endpoints, Asked("GET /x", "Host: localhost\r\nAuthorization: Bearer rep0rts\r\n"));
  });
  CHECK(count(text, " warn admin_unauthorized peer=10.0.0.7:80 attempts=1\n") == 1);
  CHECK(count(text, " warn admin_unauthorized peer=10.0.0.7:80 attempts=3\n") == 1);
  CHECK(count(text, " warn admin_unauthorized peer=10.0.0.7:80 attempts=2\n") == 1);
  CHECK(count(text, "\n") == 3);
  for (const char* secret : {"s3cret", "rep0rts", "gu3ss"}) CHECK(count(text, secret) == 0);
}

TEST_CASE("a server of probes has the open paths alone and asks for nothing") {
  Access access;
  access.surface = Surface::kProbes;
  access.tokens.all = "s3cret";
  Endpoints endpoints(serving({}, well()), access);
  const auto status = [&](std::string_view line) {
    return ask(endpoints, Asked(line, "Host: drover.internal:1\r\nOrigin: http://evil.example\r\n")).status;
  };
  CHECK(status("GET /health") == 200);
  CHECK(status("HEAD /ready") == 200);
  CHECK(status("POST /ready") == 405);
  for (const char* line : {"GET /", "GET /api/v1/backends", "GET /api/v1/sessions", "POST /api/v1/shutdown",
                           "POST /api/v1/backends/chat/web-1/load", "DELETE /api/v1/sessions/00f2a1b2c3d4e5f6"}) {
    CHECK(status(line) == 404);
  }
}

TEST_CASE("an error becomes its status and a JSON sentence") {
  const Answer bad(answer_error({Code::kBadRequest, Side::kClient, "a \"quoted\" \xff detail"}));
  CHECK(bad.status == 400);
  CHECK(bad.json() == Json{{"error", "a \"quoted\" \xef\xbf\xbd detail"}});
  CHECK(Answer(answer_error({Code::kHeadTooLarge, Side::kClient, "x"})).status == 431);
  CHECK(Answer(answer_error({Code::kTargetTooLong, Side::kClient, "x"})).status == 414);
  CHECK(Answer(answer_error({Code::kRequestTimeout, Side::kClient, "x"})).status == 408);
  CHECK(Answer(answer_error({Code::kMethodNotAllowed, Side::kClient, "x"})).has("Allow: GET, HEAD"));
}

}  // namespace drover::admin
