// Routing, JSON bodies and the response head around them (DESIGN section 10).
#include "admin/endpoints.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>

#include "admin/access.h"
#include "http/answer.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

enum class Body : std::uint8_t { kSent, kLeftOut };  // RFC 9110 section 9.3.2: HEAD has the head of GET alone

struct Reply {
  unsigned status = 200;
  Json body;
};

std::string response(const Reply& reply, Body sent) {
  // A path may hold bytes that are no UTF-8: they become U+FFFD.
  const std::string body = reply.body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  text.append(http::reason_of(reply.status));
  text.append("\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n");
  if (reply.status == 405) text.append("Allow: GET, HEAD\r\n");  // RFC 9110 section 15.5.6
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\nConnection: close\r\n\r\n");
  if (sent == Body::kSent) text.append(body);
  return text;
}

Reply failure(unsigned status, std::string_view text) {
  return {status, {{"error", text}}};
}

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

// 200 while the process serves: this is liveness, and a restart would heal none of the checks. What is not well makes
// the word "degraded".
Reply health(const Status& status) {
  Json checks = {
      {"connection_pool", connection_pool(status)},
      {"memory_usage", {{"healthy", true}, {"rss_bytes", status.resident_bytes}}},
      // The queue between the workers and the logs. A line that is lost stays lost until the restart.
      {"message_queue", {{"healthy", status.log_lines_dropped == 0}, {"log_lines_dropped", status.log_lines_dropped}}},
      {"backends", backends(status)},
  };
  const bool well = std::ranges::all_of(checks, [](const Json& check) { return check["healthy"].get<bool>(); });
  return {200,
          {{"status", well ? "healthy" : "degraded"},
           {"version", status.version},
           {"uptime_seconds", status.uptime.count()},
           {"checks", std::move(checks)}}};
}

std::optional<std::string_view> obstacle(const Status& status) {
  switch (status.phase) {
    case Phase::kStarting: return "not listening";
    case Phase::kShuttingDown: return "shutting down";
    case Phase::kServing: break;
  }
  if (!any_eligible(status)) return "no pool has an eligible backend";
  return std::nullopt;
}

Reply ready(const Status& status) {
  if (const auto reason = obstacle(status)) return {503, {{"ready", false}, {"reason", *reason}}};
  return {200, {{"ready", true}}};
}

bool has_body(const http::RequestHead& head) {
  const auto length = head.find("content-length").value_or("");
  return head.find("transfer-encoding") || length.find_first_not_of('0') != std::string_view::npos;
}

Reply reply_to(const http::RequestHead& head, const StatusSource& source) {
  if (const auto access = check_access(head); !access) {
    return failure(http::status_of(access.error().code), access.error().detail);
  }
  const auto path = head.path();
  if (path != "/health" && path != "/ready") return failure(404, "no such path '" + std::string(path) + "'");
  if (head.method() != "GET" && head.method() != "HEAD") return failure(405, "only GET and HEAD are allowed here");
  if (has_body(head)) return failure(413, "no request body is taken here");
  return path == "/health" ? health(source.status()) : ready(source.status());
}

}  // namespace

std::string answer_request(const http::RequestHead& head, const StatusSource& source) {
  return response(reply_to(head, source), head.method() == "HEAD" ? Body::kLeftOut : Body::kSent);
}

std::string answer_error(const Error& error) {
  return response(failure(http::status_of(error.code), error.detail), Body::kSent);
}

}  // namespace drover::admin
