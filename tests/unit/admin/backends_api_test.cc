// /api/v1/backends: what is told of backends, and what they may tell.
#include "admin/backends_api.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "balancer/lease.h"
#include "logged.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr std::string_view kList = "GET /api/v1/backends";
constexpr std::string_view kLoad = "POST /api/v1/backends/chat/web-1/load";
constexpr config::Score kHalves{.connections = 0.5, .cpu = 0.5, .memory = 0, .latency = 0};

Json list(const Pools& pools) {
  Endpoints endpoints(serving(pools), {});
  const auto answer = ask(endpoints, Asked(kList));
  CHECK(answer.status == 200);
  return answer.json()["pools"];
}

// Of the only backend.
Json shown(const std::shared_ptr<balancer::Backend>& backend) {
  return list({make_pool("chat", {backend})})[0]["backends"][0];
}

Answer post(const std::shared_ptr<balancer::Backend>& backend, std::string_view body) {
  Endpoints endpoints(serving({make_pool("chat", {backend})}), {});
  return ask(endpoints, Asked(kLoad), body);
}

}  // namespace

TEST_CASE("every pool and backend is told, in order and with all it has") {
  const auto first = make_backend("web-1", 2);
  const auto second = make_backend("web-2");
  second->set_max_connections(10);
  const auto lease = balancer::Lease::take(first);
  first->load().cpu.set(0.4, kNow - 2000ms);
  first->load().ignored = 3;
  first->load().memory.set(0.123456789, kNow - 800ms);
  first->load().connections.set(12, kNow - 900ms);
  first->load().message_rate.set(1234567.8, kNow - 900ms);
  first->load().response_time.set(3.5, kNow - 900ms);
  first->load().latency.add(1200us, kNow - 60s);  // stale for the score; here it is shown
  first->note_session();
  CHECK(first->note_failure() == 1);
  first->traffic(0).messages_in.add(1);
  first->traffic(0).messages_out.add(2);
  first->traffic(0).bytes_in.add(3);
  first->traffic(0).bytes_out.add(4);
  CHECK(list({make_pool("chat", {first, second}, kHalves), make_pool("mail", {})}) == Json::parse(R"([
    {"name":"chat","policy":"health_score","backends":[
      {"name":"web-1","address":"10.0.1.10:8080","probe":"up","ejected":false,"admin":"ready","eligible":true,
       "weight":2,"max_connections":0,"active":1,"score":0.7,"score_parts":{"connections":0.5,"cpu":0.2},
       "load":{"cpu":0.4,"memory":0.123457,"connections":12.0,"message_rate":1234570.0,"response_time_ms":3.5,
               "age_ms":800,"ignored":3},
       "latency_ms":1.2,
       "totals":{"sessions":1,"failures":1,"messages_in":1,"messages_out":2,"bytes_in":3,"bytes_out":4}},
      {"name":"web-2","address":"10.0.1.10:8080","probe":"up","ejected":false,"admin":"ready","eligible":true,
       "weight":1,"max_connections":10,"active":0,"score":0.7,"score_parts":{"connections":0.5,"cpu":0.2},
       "load":{},"latency_ms":null,
       "totals":{"sessions":0,"failures":0,"messages_in":0,"messages_out":0,"bytes_in":0,"bytes_out":0}}]},
    {"name":"mail","policy":"health_score","backends":[]}])"));
}

TEST_CASE("who is not eligible has no score, and weighs in nobody else's") {
  using balancer::OperatorState;
  using balancer::ProbeState;
  const std::pair<std::function<void(balancer::Backend&)>, Json> cases[] = {
      {[](auto& one) { one.set_probe(ProbeState::kDown); }, {{"probe", "down"}}},
      {[](auto& one) { one.set_probe(ProbeState::kChecking); }, {{"probe", "checking"}}},
      {[](auto& one) { one.set_ejected(true); }, {{"ejected", true}}},
      {[](auto& one) { one.set_operator_state(OperatorState::kDrain); }, {{"admin", "drain"}}},
      {[](auto& one) { one.set_agent_state(OperatorState::kMaintenance); }, {{"admin", "maintenance"}}},
      {[](auto& one) { one.set_weight_percent(0); }, {{"weight_percent", 0}}},
      {[](auto& one) { one.set_leaving(true); }, {{"leaving", true}}},
  };
  for (const auto& [worsen, expected] : cases) {
    CAPTURE(expected.dump());
    const auto out = make_backend("out");
    const auto in = make_backend("in");
    const auto busy = balancer::Lease::take(out);
    out->load().cpu.set(1.0, kNow);
    worsen(*out);
    const auto backends = list({make_pool("chat", {out, in, make_backend("third")}, kHalves)})[0]["backends"];
    CHECK(backends[0]["eligible"] == false);
    CHECK(backends[0]["score"].is_null());
    CHECK(backends[0]["score_parts"] == Json::object());
    CHECK(backends[0]["load"] == Json{{"cpu", 1.0}, {"age_ms", 0}});
    for (const auto& [key, value] : expected.items()) CHECK(backends[0][key] == value);
    CHECK(backends[1]["eligible"] == true);
    CHECK(backends[1]["score"] == 1.0);
    CHECK(backends[1]["score_parts"] == Json{{"connections", 1.0}});
  }
}

TEST_CASE("what does not apply is left out") {
  const auto backend = make_backend("web-1");
  CHECK(!shown(backend).contains("weight_percent"));
  CHECK(!shown(backend).contains("leaving"));
  backend->set_weight_percent(50);
  CHECK(shown(backend)["weight_percent"] == 50);
  backend->load().ignored = 2;
  CHECK(shown(backend)["load"] == Json{{"ignored", 2}});
}

TEST_CASE("a pool in panic says so, and its backends are used in spite of their health") {
  const auto down = make_backend("down");
  down->set_probe(balancer::ProbeState::kDown);
  const auto pool = list({make_pool("chat", {down, down})})[0];
  CHECK(pool["panic"] == true);
  CHECK(pool["backends"][0]["eligible"] == true);
  CHECK(pool["backends"][0]["score"].is_number());
  CHECK(!list({make_pool("chat", {make_backend("up")})})[0].contains("panic"));
}

TEST_CASE("the parts add up to the score, whatever the numbers") {
  const auto pair = std::array{make_backend("web-1", 3), make_backend("web-2", 7)};
  pair[0]->load().cpu.set(1.0 / 3, kNow);
  pair[0]->load().memory.set(2.0 / 3, kNow);
  pair[0]->load().message_rate.set(1e300, kNow);
  pair[1]->load().message_rate.set(1e-300, kNow);
  pair[1]->load().cpu.set(0.7, kNow + 5ms);  // another thread's clock is ahead
  pair[1]->load().latency.add(7ms, kNow);
  const config::Score score{.message_rate = 0.1};
  const auto backends = list({make_pool("chat", {pair[0], pair[1]}, score)})[0]["backends"];
  for (const auto& backend : backends) {
    CHECK(backend["score_parts"].size() == 5);
    double sum = 0;
    for (const auto& part : backend["score_parts"]) sum += part.get<double>();
    CHECK(backend["score"].get<double>() == doctest::Approx(sum).epsilon(1e-5));
    CHECK(backend["score"].dump().size() <= 8);  // "0.123456"
  }
  CHECK(backends[1]["load"]["age_ms"] == 0);
  CHECK(backends[0]["load"]["message_rate"] == 1e300);
}

TEST_CASE("a load report is taken, and its answer says what of it") {
  const auto backend = make_backend("web-1");
  const auto answer = post(backend, R"({"cpu_usage":0.4,"memory_usage":1.5,"connections":12,"message_rate":100,
                                        "response_time":3.25,"weather":"fine"})");
  CHECK(answer.status == 200);
  CHECK(answer.json() == Json::parse(R"({"taken":{"cpu":0.4,"memory":1.0,"connections":12.0,"message_rate":100.0,
                                        "response_time_ms":3.25},"ignored":1})"));
  const auto cpu = backend->load().cpu.last();
  REQUIRE(cpu);
  CHECK(cpu->value == 0.4);
  CHECK(cpu->at == kNow);
  CHECK(post(backend, R"({"cpu_usage":0.5})").json() == Json::parse(R"({"taken":{"cpu":0.5},"ignored":0})"));
  CHECK(shown(backend)["load"]["memory"] == 1.0);
}

TEST_CASE("what is no report changes nothing") {
  const auto backend = make_backend("web-1");
  for (const char* body : {"", "[]", "1", "{", "cpu_usage=0.4", "{\"cpu_usage\":0.4}x", "\xff"}) {
    CAPTURE(body);
    const auto answer = post(backend, body);
    CHECK(answer.status == 400);
    CHECK(answer.json()["error"].get<std::string>().size() > 10);
  }
  CHECK(shown(backend)["load"] == Json::object());
}

TEST_CASE("a report without a usable value is refused, and counted") {
  const auto backend = make_backend("web-1");
  CHECK(post(backend, R"({"cpu_usage":"high","weather":1})").status == 400);
  CHECK(post(backend, "{}").status == 400);
  CHECK(shown(backend)["load"] == Json{{"ignored", 2}});
}

TEST_CASE("fractions that look like percent are ignored with a warning") {
  const auto backend = make_backend("web-1");
  const auto mixed = post(backend, R"({"cpu_usage":45,"memory_usage":0.5})");
  CHECK(mixed.status == 200);
  CHECK(mixed.json()["taken"] == Json{{"memory", 0.5}});
  CHECK(mixed.json()["ignored"] == 1);
  CHECK(count(mixed.json()["warning"].get<std::string>(), "cpu_usage=45") == 1);
  const auto alone = post(backend, R"({"cpu_usage":45,"memory_usage":80})");
  CHECK(alone.status == 400);
  CHECK(count(alone.json()["error"].get<std::string>(), "cpu_usage=45, memory_usage=80") == 1);
}

TEST_CASE("the backend is found by its exact name") {
  const auto four = make_backend("web@10.0.1.10:8080");
  const auto six = make_backend("web@[::1]:8080");
  const auto odd = make_backend("a/b c");
  Endpoints endpoints(serving({make_pool("other", {}), make_pool("chat", {four, six, odd})}), {});
  const auto status = [&](const std::string& path) {
    return ask(endpoints, Asked("POST /api/v1/backends/" + path + "/load"), R"({"cpu_usage":0.5})").status;
  };
  CHECK(status("chat/web@10.0.1.10:8080") == 200);
  CHECK((four->load().cpu.last() && !six->load().cpu.last()));
  CHECK(status("chat/web%40%5B::1%5d%3A8080") == 200);
  CHECK(six->load().cpu.last());
  CHECK(status("chat/web@[::1]:8080") == 200);
  CHECK(status("c%68at/a%2Fb%20c") == 200);
  CHECK(status("chat/a/b%20c") == 404);
  CHECK(status("chat/web") == 404);
  CHECK(status("chat/") == 404);
  CHECK(status("chat/web%4") == 400);
}

TEST_CASE("who is not there is named") {
  Endpoints endpoints(serving({make_pool("chat", {make_backend("web-1")})}), {});
  const auto unknown = ask(endpoints, Asked("POST /api/v1/backends/chat/web-9/load"), R"({"cpu_usage":0.5})");
  CHECK(unknown.status == 404);
  CHECK(unknown.body == "{\"error\":\"no backend 'web-9' in pool 'chat'\"}\n");
  const auto nowhere = ask(endpoints, Asked("POST /api/v1/backends/cha%22t/web-1/load"), "not read");
  CHECK(nowhere.status == 404);
  CHECK(nowhere.body == "{\"error\":\"no pool 'cha\\\"t'\"}\n");
}

TEST_CASE("every report is logged with its source, looks of percent once a minute") {
  const auto backend = make_backend("web-1");
  Endpoints endpoints(serving({make_pool("chat", {backend})}), {});
  const auto text = logged([&] {
    for (const auto elapsed : {0s, 1s, 59s, 60s}) ask(endpoints, Asked(kLoad), R"({"cpu_usage":45})", kNow + elapsed);
    ask(endpoints, Asked(kLoad), "no report");
  });
  CHECK(count(text, " debug load_posted pool=chat backend=web-1 peer=10.0.0.7:80\n") == 4);
  CHECK(count(text, " warn load_looks_like_percent pool=chat backend=web-1 ") == 2);
}

}  // namespace drover::admin
