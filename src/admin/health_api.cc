// Liveness tells everything and fails for nothing; readiness is one question.
#include "admin/health_api.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string_view>

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

bool any_eligible(const Status& status) {
  return std::ranges::any_of(status.pools, [](const PoolStatus& pool) { return pool.eligible > 0; });
}

Json connection_pool(const Status& status) {
  const double share = status.max_connections == 0 ? 0.0
                                                   : static_cast<double>(status.active_connections) /
                                                         static_cast<double>(status.max_connections);
  return {{"healthy", status.active_connections < status.max_connections},
          {"active_connections", status.active_connections},
          {"max_connections", status.max_connections},
          {"utilization", share}};
}

// Below nine tenths. A limit of 0 is one that /proc does not tell.
bool well_below(std::uint64_t used, std::uint64_t limit) {
  return limit == 0 || used * 10 < limit * 9;
}

Json descriptors(const Status& status) {
  return {{"healthy", well_below(status.descriptors_used, status.descriptors_limit)},
          {"used", status.descriptors_used},
          {"limit", status.descriptors_limit}};
}

// Each address of a backend, whichever pools it is in, can have as many connections as there are local ports. Of the
// one that is nearest to that.
Json ports(const Pools& pools) {
  std::map<std::string_view, std::uint64_t> used;
  for (const auto& pool : pools) {
    for (const auto& backend : pool->backends()) used[backend->address().text] += backend->active();
  }
  const auto limit = local_ports();
  const auto most = std::ranges::max_element(used, {}, [](const auto& one) { return one.second; });
  if (most == used.end()) return {{"healthy", true}, {"used", 0}, {"limit", limit}, {"backend", nullptr}};
  return {
      {"healthy", well_below(most->second, limit)}, {"used", most->second}, {"limit", limit}, {"backend", most->first}};
}

// Of the one that is valid for the shortest time, which there is.
Json certificates(const Status& status) {
  const auto& first = *std::ranges::min_element(status.certificates, {}, &CertificateStatus::not_after);
  const auto left = first.not_after - std::chrono::system_clock::now();
  return {{"healthy", left > decltype(left)::zero()},
          {"expires_in_days", std::chrono::floor<std::chrono::days>(left).count()},
          {"file", first.file}};
}

Json backends(const Status& status) {
  auto pools = Json::array();
  for (const auto& pool : status.pools) {
    pools.push_back({{"name", pool.name}, {"total", pool.backends}, {"eligible", pool.eligible}});
  }
  return {{"healthy", any_eligible(status)}, {"pools", std::move(pools)}};
}

}  // namespace

// 200 while the process serves: this is liveness, and a restart would heal none of the checks. What is not well makes
// the word "degraded".
Reply health(const Call& call) {
  const Status status = call.source.status();
  Json checks = {
      {"connection_pool", connection_pool(status)},
      {"memory_usage",
       {{"healthy", true}, {"rss_bytes", status.resident_bytes}, {"buffered_bytes", status.buffered_bytes}}},
      // The queue between the workers and the logs. A line that is lost stays lost until the restart.
      {"message_queue", {{"healthy", status.log_lines_dropped == 0}, {"log_lines_dropped", status.log_lines_dropped}}},
      {"backends", backends(status)},
      {"descriptors", descriptors(status)},
      {"ports", ports(call.source.pools())},
  };
  if (!status.certificates.empty()) checks["certificates"] = certificates(status);
  const bool well = std::ranges::all_of(checks, [](const Json& check) { return check["healthy"].get<bool>(); });
  return json_reply(200, Json{{"status", well ? "healthy" : "degraded"},
                              {"version", status.version},
                              {"uptime_seconds", status.uptime.count()},
                              {"checks", std::move(checks)}});
}

Reply ready(const Call& call) {
  if (const auto reason = call.source.status().obstacle; !reason.empty()) {
    return json_reply(503, Json{{"ready", false}, {"reason", reason}});
  }
  return json_reply(200, Json{{"ready", true}});
}

}  // namespace drover::admin
