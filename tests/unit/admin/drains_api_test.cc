// Drains, their cancelling and the freeze, as HTTP has them, over plans of the test's choice.
#include "admin/drains_api.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logged.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;
using balancer::OperatorState;
using migration::DrainRequest;
using migration::DrainState;
using migration::DrainView;
using migration::Mode;

DrainView view_of_500() {
  DrainView view;
  view.id = "d1";
  view.pool = "chat";
  view.backends = {"web-1"};
  view.total = 500;
  view.moved[static_cast<std::size_t>(Mode::kHandoff)] = 300;
  view.moved[static_cast<std::size_t>(Mode::kNotify)] = 2;
  view.moved[static_cast<std::size_t>(Mode::kClose)] = 3;
  view.forced = 1;
  view.failed = 4;
  view.ended = 5;
  view.told = 6;
  view.left = 199;
  view.pace = 200;
  view.eta = Milliseconds(995);
  view.deadline = Milliseconds(59'000);
  return view;
}

constexpr const char* kViewOf500 =
    R"({"id":"d1","cause":"operator","pool":"chat","backend":"web-1","state":"running","total":500,)"
    R"("moved":{"handoff":300,"notify":2,"close":3,"forced":1,"failed":4},"left":199,"pace":200.0,"eta_ms":995,)"
    R"("warnings":[],"backends":["web-1"],"told":6,"ended":5,"deadline_ms":59000})";

struct Served {
  Served() {
    Source source = serving({make_pool("chat", {backend, make_backend("web@10.0.1.10:8080")}), make_pool("mail", {})});
    source.drain = [this](const DrainRequest& request, const std::string& peer, auto done) {
      requests.push_back(request);
      CHECK(peer == "10.0.0.7:80");
      done(answer);
    };
    source.drains = [this] { return views; };
    source.cancel_drain = [](const std::string& id, const std::string& peer) -> std::optional<DrainView> {
      CHECK(peer == "10.0.0.7:80");
      if (id != "d1") return std::nullopt;
      auto view = view_of_500();
      view.state = DrainState::kCancelled;
      return view;
    };
    source.freeze = [this](Source::Frozen wanted, const std::string& peer) {
      CHECK(peer == "10.0.0.7:80");
      frozen = wanted;
    };
    source.frozen = [this] { return frozen; };
    endpoints = std::make_unique<Endpoints>(std::move(source), Access{});
  }
  Answer ask(std::string_view line, std::string_view body = "") { return admin::ask(*endpoints, Asked(line), body); }
  std::string error_of(std::string_view body) {
    const auto refused = ask("POST /api/v1/pools/chat/drain", body);
    CHECK(refused.status == 400);
    CHECK(requests.empty());
    return refused.json()["error"];
  }

  std::shared_ptr<balancer::Backend> backend = make_backend("web-1");
  Result<DrainView> answer = view_of_500();
  std::vector<DrainRequest> requests;
  std::vector<DrainView> views;
  Source::Frozen frozen = Source::Frozen::kNo;
  std::unique_ptr<Endpoints> endpoints;
};

constexpr std::string_view kDrain = "POST /api/v1/backends/chat/web-1/drain";

}  // namespace

TEST_CASE("a drain is asked for as the body says, and answered with its plan") {
  Served served;
  const auto answer =
      served.ask(kDrain, R"({"mode":"notify","pace":"12.5/s","deadline":"1m30s","grace":"500ms","dry_run":false})");
  CHECK(answer.status == 202);
  CHECK(answer.body == std::string(kViewOf500) + "\n");
  REQUIRE(served.requests.size() == 1);
  const auto& request = served.requests.front();
  CHECK(request.pool == "chat");
  CHECK(request.backend == "web-1");
  CHECK(request.terms.first_mode == Mode::kNotify);
  CHECK(request.terms.pace == 12.5);
  CHECK_FALSE(request.terms.auto_pace);
  CHECK(request.terms.deadline == Milliseconds(90'000));
  CHECK(request.terms.grace == Milliseconds(500));
  CHECK_FALSE(request.dry_run);
}

TEST_CASE("nothing has to be said, and then the pool's terms hold") {
  Served served;
  for (const char* body : {"", "{}", " {\n} "}) {
    CHECK(served.ask("POST /api/v1/pools/chat/drain", body).status == 202);
    const auto& request = served.requests.back();
    CHECK(request.pool == "chat");
    CHECK(request.backend.empty());
    CHECK(request.terms.first_mode == Mode::kHandoff);
    CHECK_FALSE(request.terms.pace.has_value());
    CHECK_FALSE(request.terms.auto_pace);
    CHECK_FALSE(request.terms.deadline.has_value());
    CHECK_FALSE(request.terms.grace.has_value());
  }
  CHECK(served.requests.size() == 3);
  CHECK(served.ask("POST /api/v1/backends/chat/web%4010.0.1.10%3A8080/drain", R"({"pace":"auto"})").status == 202);
  CHECK(served.requests.back().backend == "web@10.0.1.10:8080");
  CHECK(served.requests.back().terms.auto_pace);
}

TEST_CASE("a dry run is 200 and has no id") {
  Served served;
  auto view = view_of_500();
  view.id.clear();
  view.state = DrainState::kDryRun;
  view.warnings = {"too slow"};
  served.answer = view;
  const auto answer = served.ask(kDrain, R"({"dry_run":true})");
  CHECK(answer.status == 200);
  CHECK(served.requests.front().dry_run);
  CHECK(answer.json()["id"].is_null());
  CHECK(answer.json()["state"] == "dry_run");
  CHECK(answer.json()["warnings"] == Json{"too slow"});
}

TEST_CASE("a body that says something else is refused with what is expected") {
  Served served;
  const std::string object =
      R"(the body is a JSON object such as {"mode":"notify","pace":"200/s","deadline":"60s"}, or there is none)";
  for (const char* body : {"{", "[]", "null", "1", "x", "\xff", "{}{}", R"({"mode":"close")"}) {
    CAPTURE(body);
    CHECK(served.error_of(body) == object);
  }
  CHECK(served.error_of(R"({"paze":"1/s"})") == "no member 'paze' here; did you mean 'pace'?");
  CHECK(served.error_of(R"({"Quite other":1})") ==
        "no member 'Quite other' here: there are mode, pace, deadline, grace and dry_run");
  CHECK(served.error_of(R"({"pace":"1/s","mode":"close","pace":"2/s"})") == "the member 'pace' stands there twice");
  for (const char* mode : {R"("move")", R"("")", "1", "null", R"(["close"])", R"("Close")"}) {
    CHECK(served.error_of(R"({"mode":)" + std::string(mode) + "}") == R"(mode is "handoff", "notify" or "close")");
  }
  CHECK(served.error_of(R"({"pace":200})") == R"(pace is a text such as "200/s")");
  CHECK(served.error_of(R"({"pace":"200"})") == R"(pace: expected a rate such as '200/s', got '200'; or "auto")");
  CHECK(served.error_of(R"({"pace":"0/s"})") == "pace is \"auto\" or from 0.01/s to 1000000/s");
  CHECK(served.error_of(R"({"deadline":60})") == R"(deadline is a text such as "60s")");
  CHECK(served.error_of(R"({"deadline":"60"})").starts_with("deadline: "));
  CHECK(served.error_of(R"({"deadline":"0s"})") == "deadline is above 0: nobody can move in no time");
  CHECK(served.error_of(R"({"grace":true})") == R"(grace is a text such as "10s")");
  CHECK(served.error_of(R"({"grace":"-1s"})").starts_with("grace: "));
  CHECK(served.error_of(R"({"dry_run":"yes"})") == "dry_run is true or false");
  CHECK(served.error_of(R"({"dry_run":1})") == "dry_run is true or false");
}

TEST_CASE("a grace has to be below its deadline, whoever has said which") {
  Served served;
  CHECK(served.error_of(R"({"deadline":"5s","grace":"5s"})") ==
        "grace has to be below deadline, and 5s is not below 5s");
  CHECK(served.error_of(R"({"grace":"2m"})") == "grace has to be below deadline, and 2m is not below 1m (the pool's)");
  CHECK(served.error_of(R"({"mode":"close","deadline":"5s","grace":"5s"})").starts_with("grace has to be below"));
  CHECK(served.ask(kDrain, R"({"deadline":"5s","grace":"0"})").status == 202);
  CHECK(served.ask(kDrain, R"({"deadline":"5s"})").status == 202);  // the pool's grace of 10s is cut
}

TEST_CASE("who is not there is 404, whatever the body, and a process that ends is 409") {
  Served served;
  CHECK(served.ask("POST /api/v1/backends/chat/web-9/drain", "x").json() ==
        Json{{"error", "no backend 'web-9' in pool 'chat'"}});
  for (const char* line : {"POST /api/v1/pools/nope/drain", "POST /api/v1/backends/nope/web-1/drain"}) {
    const auto answer = served.ask(line, "x");
    CHECK(answer.status == 404);
    CHECK(answer.json() == Json{{"error", "no pool 'nope'"}});
  }
  CHECK(served.requests.empty());
  served.answer = fail(Code::kConfiguration, Side::kDrover, "Drover is shutting down");
  const auto ending = served.ask(kDrain);
  CHECK(ending.status == 409);
  CHECK(ending.head.starts_with("HTTP/1.1 409 Conflict\r\n"));
  CHECK(ending.json() == Json{{"error", "Drover is shutting down"}});
  served.answer = fail(Code::kOwnResources, Side::kDrover, "no memory");
  CHECK(served.ask(kDrain).status == 503);
}

TEST_CASE("plans are listed with the freeze, and told one by one") {
  Served served;
  CHECK(served.ask("GET /api/v1/drains").body == "{\"drains\":[],\"frozen\":false}\n");
  auto pool = view_of_500();
  pool.id = "d2";
  pool.cause = migration::Cause::kReload;
  pool.backends = {"web-1", "web-2"};
  pool.pace = 100.0 / 3;
  auto all = view_of_500();
  all.id = "d3";
  all.pool.clear();
  all.backends.clear();
  served.views = {view_of_500(), pool, all};
  served.frozen = Source::Frozen::kYes;
  const auto list = served.ask("GET /api/v1/drains").json();
  CHECK(list["frozen"] == true);
  REQUIRE(list["drains"].size() == 3);
  CHECK(list["drains"][0].dump() == kViewOf500);
  CHECK(list["drains"][1]["cause"] == "reload");
  CHECK(list["drains"][1]["backend"].is_null());
  CHECK(list["drains"][1]["backends"] == Json{"web-1", "web-2"});
  CHECK(list["drains"][1]["pace"] == 33.3333);
  CHECK(list["drains"][2]["pool"].is_null());
  CHECK(list["drains"][2]["backends"] == Json::array());
  CHECK(served.ask("GET /api/v1/drains/d2").json() == list["drains"][1]);
  const auto missing = served.ask("GET /api/v1/drains/d9");
  CHECK(missing.status == 404);
  CHECK(missing.json() == Json{{"error", "no drain 'd9'; GET /api/v1/drains lists those that are known"}});
}

TEST_CASE("a cancelled plan is told as it ended, with what it leaves closed") {
  Served served;
  const auto open = served.ask("DELETE /api/v1/drains/d1").json();
  CHECK(open["state"] == "cancelled");
  CHECK(!open.contains("note"));
  served.backend->set_operator_state(OperatorState::kDrain);
  const auto answer = served.ask("DELETE /api/v1/drains/d1");
  CHECK(answer.status == 200);
  CHECK(answer.json()["note"] ==
        "no new sessions still for web-1: POST /api/v1/backends/chat/{name}/ready opens a backend to them again");
  CHECK(served.ask("DELETE /api/v1/drains/d9").status == 404);
}

TEST_CASE("the freeze is set and lifted, by a POST without settings alone") {
  Served served;
  CHECK(served.ask("POST /api/v1/freeze", R"({"for":"1m"})").status == 400);
  CHECK(served.frozen == Source::Frozen::kNo);
  CHECK(served.ask("POST /api/v1/freeze").body == "{\"frozen\":true}\n");
  CHECK(served.frozen == Source::Frozen::kYes);
  CHECK(served.ask("POST /api/v1/unfreeze", "x").status == 400);
  CHECK(served.frozen == Source::Frozen::kYes);
  CHECK(served.ask("POST /api/v1/unfreeze", "{}").body == "{\"frozen\":false}\n");
  CHECK(served.frozen == Source::Frozen::kNo);
}

TEST_CASE("every path of drains takes its own method alone") {
  Served served;
  for (const auto& [line, allow] :
       {std::pair{"GET /api/v1/backends/chat/web-1/drain", "POST"}, std::pair{"GET /api/v1/pools/chat/drain", "POST"},
        std::pair{"POST /api/v1/drains", "GET, HEAD"}, std::pair{"POST /api/v1/drains/d1", "GET, HEAD, DELETE"},
        std::pair{"GET /api/v1/freeze", "POST"}, std::pair{"GET /api/v1/unfreeze", "POST"}}) {
    const auto answer = served.ask(line);
    CHECK(answer.status == 405);
    CHECK(answer.has("Allow: " + std::string(allow)));
  }
  CHECK(served.requests.empty());
}

TEST_CASE("drains: what changes something is logged with its source, a dry run and a refusal are not") {
  const auto text = logged([] {
    Served served;
    served.ask(kDrain, R"({"mode":"close","pace":"200/s","deadline":"60s","grace":"0"})");
    served.ask("POST /api/v1/pools/chat/drain", R"({"pace":"auto"})");
    served.ask(kDrain, R"({"dry_run":true})");
    served.ask(kDrain, "x");
    served.ask("DELETE /api/v1/drains/d1");
    served.ask("DELETE /api/v1/drains/d9");
    served.ask("POST /api/v1/freeze");
    served.ask("POST /api/v1/unfreeze");
    served.ask("POST /api/v1/unfreeze", "x");
  });
  const std::string peer = " peer=10.0.0.7:80\n";
  CHECK(count(text, " info drain_asked pool=chat backend=web-1 mode=close pace=200/s deadline=1m grace=0s" + peer) ==
        1);
  CHECK(count(text, " info drain_asked pool=chat backend=* mode=handoff pace=auto deadline=default grace=default" +
                        peer) == 1);
  CHECK(count(text, " info drain_cancel_asked id=d1" + peer) == 1);
  CHECK(count(text, " info freeze_asked frozen=yes" + peer) == 1);
  CHECK(count(text, " info freeze_asked frozen=no" + peer) == 1);
  CHECK(count(text, "\n") == 5);
}

}  // namespace drover::admin
