// GET /health and GET /ready: what is told of the process, and what is called not well.
#include "admin/health_api.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "balancer/lease.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

Answer ask(const Status& status, std::string_view line, const Pools& pools = {}) {
  Endpoints endpoints(serving(pools, status), {});
  return ask(endpoints, Asked(line));
}

std::vector<balancer::Lease> leases(const std::shared_ptr<balancer::Backend>& backend, std::uint64_t count) {
  std::vector<balancer::Lease> taken;
  while (taken.size() < count) taken.push_back(balancer::Lease::take(backend));
  return taken;
}

}  // namespace

TEST_CASE("/health tells how the process is") {
  const auto answer = ask(well(), "GET /health");
  CHECK(answer.status == 200);
  auto json = answer.json();
  json["checks"]["ports"].erase("limit");  // the machine's
  CHECK(json == Json::parse(R"({"status":"healthy","version":"1.2.3","uptime_seconds":42,"checks":{
    "connection_pool":{"healthy":true,"active_connections":5,"max_connections":20,"utilization":0.25},
    "memory_usage":{"healthy":true,"rss_bytes":4096,"buffered_bytes":512},
    "message_queue":{"healthy":true,"log_lines_dropped":0},
    "backends":{"healthy":true,"pools":[{"name":"chat","total":3,"eligible":2},{"name":"mail","total":1,"eligible":0}]},
    "descriptors":{"healthy":true,"used":30,"limit":1000},
    "ports":{"healthy":true,"used":0,"backend":null}
  }})"));
}

TEST_CASE("/health is 200 while the process serves, and names what is not well") {
  Status full = well();
  full.active_connections = full.max_connections;
  Status lossy = well();
  lossy.log_lines_dropped = 1;
  Status alone = well();
  alone.pools = {{"chat", 3, 0, false}};
  Status tight = well();
  tight.descriptors_used = 900;
  const std::pair<Status, const char*> cases[] = {
      {full, "connection_pool"}, {lossy, "message_queue"}, {alone, "backends"}, {tight, "descriptors"}};
  for (const auto& [status, check] : cases) {
    CAPTURE(check);
    const auto answer = ask(status, "GET /health");
    CHECK(answer.status == 200);
    const auto json = answer.json();
    CHECK(json["status"] == "degraded");
    for (const auto& [name, body] : json["checks"].items()) CHECK(body["healthy"] == (name != check));
  }
  Status unlimited = well();
  unlimited.max_connections = 0;
  unlimited.descriptors_limit = 0;
  const auto checks = ask(unlimited, "GET /health").json()["checks"];
  CHECK(checks["connection_pool"]["utilization"] == 0.0);
  CHECK(checks["descriptors"]["healthy"] == true);
  tight.descriptors_used = 899;
  CHECK(ask(tight, "GET /health").json()["status"] == "healthy");
}

TEST_CASE("/health tells of the certificate that expires first, where there is one") {
  using namespace std::chrono_literals;
  Status status = well();
  CHECK(!ask(status, "GET /health").json()["checks"].contains("certificates"));
  const auto now = std::chrono::system_clock::now();
  status.certificates = {{"/late.pem", now + 24h * 90}, {"/soon.pem", now + 24h * 9 + 1h}};
  auto json = ask(status, "GET /health").json();
  CHECK(json["checks"]["certificates"] == Json::parse(R"({"healthy":true,"expires_in_days":9,"file":"/soon.pem"})"));
  CHECK(json["status"] == "healthy");
  status.certificates[0].not_after = now - 1h;
  json = ask(status, "GET /health").json();
  CHECK(json["checks"]["certificates"] == Json::parse(R"({"healthy":false,"expires_in_days":-1,"file":"/late.pem"})"));
  CHECK(json["status"] == "degraded");
}

TEST_CASE("local ports are counted for the busiest address, whichever pools have it") {
  const auto limit = local_ports();
  REQUIRE(limit > 1'000);
  const auto here = make_backend("web-1");
  const auto here_too = make_backend("web-2");
  const auto there = make_backend("web-3", 1, "10.0.1.11:8080");
  const Pools pools = {make_pool("chat", {there, here}), make_pool("mail", {here_too})};
  const auto most = (limit * 9 + 9) / 10;  // the first number that is too many
  const auto on_here = leases(here, most - 2);
  const auto on_here_too = leases(here_too, 1);
  const auto on_there = leases(there, most - 2);
  const auto ports = [&] { return ask(well(), "GET /health", pools).json()["checks"]["ports"]; };
  CHECK(ports() == Json{{"healthy", true}, {"used", most - 1}, {"limit", limit}, {"backend", "10.0.1.10:8080"}});
  const auto one_more = balancer::Lease::take(here_too);
  CHECK(ports()["healthy"] == false);
  CHECK(ports()["used"] == most);
}

TEST_CASE("/ready is 200 while new sessions are welcome, and 503 with the reason") {
  const auto answer = ask(well(), "GET /ready");
  CHECK(answer.status == 200);
  CHECK(answer.json() == Json::parse(R"({"ready":true})"));
  Status leaving = well();
  leaving.obstacle = "shutting down";
  const auto refused = ask(leaving, "GET /ready");
  CHECK(refused.status == 503);
  CHECK(refused.json() == Json{{"ready", false}, {"reason", "shutting down"}});
  CHECK(ask(leaving, "GET /health").status == 200);
}

TEST_CASE("what /proc tells is read") {
  CHECK(resident_bytes() > 1024 * 1024);
  CHECK(open_descriptors() >= 3);
  CHECK(local_ports() < 65'536);
}

}  // namespace drover::admin
