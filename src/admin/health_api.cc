// Liveness tells everything and fails for nothing; readiness is one question.
#include "admin/health_api.h"

#include <nlohmann/json.hpp>

#include <algorithm>

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
      {"memory_usage", {{"healthy", true}, {"rss_bytes", status.resident_bytes}}},
      // The queue between the workers and the logs. A line that is lost stays lost until the restart.
      {"message_queue", {{"healthy", status.log_lines_dropped == 0}, {"log_lines_dropped", status.log_lines_dropped}}},
      {"backends", backends(status)},
  };
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
