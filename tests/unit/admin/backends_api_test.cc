// /api/v1/backends: what is told of backends.
#include "admin/backends_api.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "balancer/lease.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr std::string_view kList = "GET /api/v1/backends";
constexpr config::Score kHalves{.connections = 0.5, .cpu = 0.5, .memory = 0, .latency = 0};

Json list(const Pools& pools) {
  const Endpoints endpoints(serving(pools));
  const auto answer = ask(endpoints, Asked(kList));
  CHECK(answer.status == 200);
  return answer.json()["pools"];
}

// Of the only backend.
Json shown(const std::shared_ptr<balancer::Backend>& backend) {
  return list({make_pool("chat", {backend})})[0]["backends"][0];
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

}  // namespace drover::admin
