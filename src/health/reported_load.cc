// What was left out of either form is counted for both.
#include "health/reported_load.h"

#include <utility>

namespace drover::health {

namespace {

void add_missing(balancer::LoadReport& report, const balancer::LoadReport& other) {
  if (!report.cpu) report.cpu = other.cpu;
  if (!report.memory) report.memory = other.memory;
  if (!report.connections) report.connections = other.connections;
  if (!report.message_rate) report.message_rate = other.message_rate;
  if (!report.response_time_ms) report.response_time_ms = other.response_time_ms;
  report.ignored += other.ignored;
  report.look_like_percent.insert(report.look_like_percent.end(), other.look_like_percent.begin(),
                                  other.look_like_percent.end());
}

}  // namespace

std::optional<balancer::LoadReport> reported_load(const http::ResponseHead& head) {
  const auto header = head.find(http::HeaderName::kEndpointLoadMetrics);
  if (!header) return std::nullopt;
  auto report = balancer::parse_orca(*header);
  if (!report) report.emplace().ignored = 1;
  return std::move(*report);
}

std::optional<balancer::LoadReport> reported_load(const http::ResponseHead& head, std::string_view body) {
  auto of_head = reported_load(head);
  auto of_body = balancer::parse_json_report(body);
  if (!of_body) return of_head;
  if (of_head) add_missing(*of_body, *of_head);
  return std::move(*of_body);
}

}  // namespace drover::health
