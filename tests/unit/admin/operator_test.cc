// What the operator wants of a backend: ready, maintenance, a weight.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "admin/backends_api.h"
#include "logged.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;
using balancer::OperatorState;

struct Served {
  Answer ask(std::string_view line, std::string_view body = "") { return admin::ask(endpoints, Asked(line), body); }

  std::shared_ptr<balancer::Backend> backend = make_backend("web@10.0.1.10:8080");
  Endpoints endpoints{serving({make_pool("chat", {make_backend("web-1"), backend})}), {}};
};

constexpr std::string_view kReady = "POST /api/v1/backends/chat/web@10.0.1.10:8080/ready";
constexpr std::string_view kMaintenance = "POST /api/v1/backends/chat/web%4010.0.1.10%3A8080/maintenance";
constexpr std::string_view kWeight = "PUT /api/v1/backends/chat/web@10.0.1.10:8080/weight";

}  // namespace

TEST_CASE("maintenance and ready are set, and answered with the backend as it is listed") {
  Served served;
  for (const auto& [line, state, word] : {std::tuple{kMaintenance, OperatorState::kMaintenance, "maintenance"},
                                          std::tuple{kReady, OperatorState::kReady, "ready"}}) {
    for (const char* body : {"", "{}", " {\n} "}) {
      const auto answer = served.ask(line, body);
      CHECK(answer.status == 200);
      CHECK(served.backend->operator_state() == state);
      CHECK(answer.json()["admin"] == word);
      CHECK(answer.json() == served.ask("GET /api/v1/backends").json()["pools"][0]["backends"][1]);
    }
  }
}

TEST_CASE("an agent that wants it stricter counts, and is told of") {
  Served served;
  served.backend->set_agent_state(OperatorState::kDrain);
  const auto ready = served.ask(kReady).json();
  CHECK(ready["admin"] == "drain");
  CHECK(ready["note"] == "its agent says drain, which is stricter and counts");
  const auto maintenance = served.ask(kMaintenance).json();
  CHECK(maintenance["admin"] == "maintenance");
  CHECK(!maintenance.contains("note"));
}

TEST_CASE("settings that there are not are refused and change nothing") {
  Served served;
  for (const char* body : {"{", "[]", "null", "1", "{\"pace\":1}", "{}{}", "x", "\xff"}) {
    CAPTURE(body);
    const auto answer = served.ask(kMaintenance, body);
    CHECK(answer.status == 400);
    CHECK(answer.json() == Json{{"error", "there is nothing to set here: the body is empty or {}"}});
    CHECK(served.backend->operator_state() == OperatorState::kReady);
  }
}

TEST_CASE("a weight is a whole number from 1 to 1000") {
  Served served;
  for (const unsigned weight : {1U, 2U, 1000U}) {
    const auto answer = served.ask(kWeight, "{\"weight\":" + std::to_string(weight) + "}");
    CHECK(answer.status == 200);
    CHECK(answer.json()["name"] == "web@10.0.1.10:8080");
    CHECK(answer.json()["weight"] == weight);
    CHECK(served.backend->weight() == weight);
  }
  for (const char* body :
       {"", "{}", "2", "{\"weight\":0}", "{\"weight\":1001}", "{\"weight\":-1}", "{\"weight\":2.0}", "{\"weight\":1e1}",
        "{\"weight\":\"2\"}", "{\"weight\":null}", "{\"weight\":18446744073709551617}", "{\"weight\":4294967297}",
        "{\"weight\":[2]}", "{\"weight\":2,\"pace\":1}", "{\"Weight\":2}", "{\"weight\":2", "[{\"weight\":2}]"}) {
    CAPTURE(body);
    const auto answer = served.ask(kWeight, body);
    CHECK(answer.status == 400);
    CHECK(answer.json() == Json{{"error", "the body is {\"weight\":N} with a whole number from 1 to 1000"}});
    CHECK(served.backend->weight() == 1000);
  }
}

TEST_CASE("who is not there is 404, whatever the body") {
  Served served;
  for (const char* line : {"POST /api/v1/backends/chat/web-9/ready", "POST /api/v1/backends/chat/web-9/maintenance",
                           "PUT /api/v1/backends/chat/web-9/weight"}) {
    CHECK(served.ask(line, "x").json() == Json{{"error", "no backend 'web-9' in pool 'chat'"}});
  }
  CHECK(served.ask("PUT /api/v1/backends/mail/web-1/weight").json() == Json{{"error", "no pool 'mail'"}});
}

TEST_CASE("changes are logged with their source, refusals are not") {
  const auto text = logged([] {
    Served served;
    served.ask(kMaintenance);
    served.ask(kReady);
    served.ask(kWeight, "{\"weight\":7}");
    served.ask(kWeight, "{\"weight\":0}");
    served.ask(kReady, "x");
  });
  const std::string who = "pool=chat backend=web@10.0.1.10:8080 ";
  CHECK(count(text, " info backend_operator_state " + who + "state=maintenance peer=10.0.0.7:80\n") == 1);
  CHECK(count(text, " info backend_operator_state " + who + "state=ready peer=10.0.0.7:80\n") == 1);
  CHECK(count(text, " info backend_weight " + who + "weight=7 peer=10.0.0.7:80\n") == 1);
  CHECK(count(text, "\n") == 3);
}

}  // namespace drover::admin
