// The configuration that is told, and the orders to read it again and to end.
#include "admin/process_api.h"

#include <doctest/doctest.h>

#include "logged.h"
#include "requests.h"

namespace drover::admin {

namespace {

struct Served {
  Answer ask(std::string_view line, std::string_view body = "") { return admin::ask(endpoints, Asked(line), body); }
  Source source() {
    Source source;
    source.config = [] { return R"({"workers":2})"; };
    source.reload = [this](const std::string& peer) {
      CHECK(peer == "10.0.0.7:80");
      ++reloads;
      return reloaded;
    };
    source.shut_down = [this] { ++shutdowns; };
    return source;
  }

  int shutdowns = 0;
  int reloads = 0;
  Source::Reloaded reloaded;
  Endpoints endpoints{source(), {}};
};

}  // namespace

TEST_CASE("the configuration is told as the source has it") {
  Served served;
  const auto answer = served.ask("GET /api/v1/config");
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"workers\":2}\n");
}

TEST_CASE("a reload tells what has changed, or every error") {
  Served served;
  CHECK(served.ask("GET /api/v1/reload").status == 405);
  CHECK(served.ask("POST /api/v1/reload", R"({"file":"x"})").status == 400);
  CHECK(served.reloads == 0);
  auto answer = served.ask("POST /api/v1/reload", "{}");
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"reloaded\":true,\"changes\":[],\"warnings\":[]}\n");
  served.reloaded = {.errors = {}, .changes = {"pool 'chat': 1 backend more"}, .warnings = {"secrets are old", "more"}};
  CHECK(served.ask("POST /api/v1/reload").body ==
        "{\"reloaded\":true,\"changes\":[\"pool 'chat': 1 backend more\"],"
        "\"warnings\":[\"secrets are old\",\"more\"]}\n");
  served.reloaded = {.errors = {"a.yaml:3:1: no key 'pol'", "a.yaml:4:1: no"}, .changes = {}, .warnings = {"w"}};
  answer = served.ask("POST /api/v1/reload");
  CHECK(answer.head.starts_with("HTTP/1.1 422 Unprocessable Content\r\n"));
  CHECK(answer.body ==
        "{\"error\":\"a.yaml:3:1: no key 'pol'\",\"errors\":[\"a.yaml:3:1: no key 'pol'\",\"a.yaml:4:1: no\"]}\n");
  CHECK(served.reloads == 3);
  const auto text = logged([] { Served().ask("POST /api/v1/reload"); });
  CHECK(count(text, " info reload_asked peer=10.0.0.7:80\n") == 1);
}

TEST_CASE("a shutdown is passed on and logged, and only a POST without settings is one") {
  Served served;
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    const auto answer = served.ask(std::string(method) + " /api/v1/shutdown");
    CHECK(answer.status == 405);
    CHECK(answer.has("Allow: POST"));
  }
  CHECK(served.ask("POST /api/v1/shutdown", "{\"deadline\":\"1s\"}").status == 400);
  CHECK(served.shutdowns == 0);
  const auto answer = served.ask("POST /api/v1/shutdown");
  CHECK(answer.status == 202);
  CHECK(answer.body == "{\"shutting_down\":true}\n");
  CHECK(served.ask("POST /api/v1/shutdown", "{}").status == 202);
  CHECK(served.shutdowns == 2);
  const auto text = logged([] { Served().ask("POST /api/v1/shutdown"); });
  CHECK(count(text, " info shutdown_asked peer=10.0.0.7:80\n") == 1);
}

}  // namespace drover::admin
