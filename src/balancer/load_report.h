// What a backend tells of its load, in the forms that carry numbers: Drover's own JSON, and ORCA's header
// (endpoint-load-metrics, the cncf/xds specification "Open Request Cost Aggregation"). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace drover::balancer {

struct LoadReport {
  // Fractions: 0.4 is 40 %. Up to 2 as reported; a value above 1 counts as 1.
  std::optional<double> cpu;
  std::optional<double> memory;
  std::optional<double> connections;
  std::optional<double> message_rate;      // a second
  std::optional<double> response_time_ms;  // milliseconds

  // How many values were left out: NaN, infinite, negative, no number, a name that nobody knows, or a fraction above 2.
  std::uint32_t ignored = 0;
  // Fractions above 2, as "cpu_usage=45": they look like percent.
  std::vector<std::string> look_like_percent;

  bool empty() const { return !cpu && !memory && !connections && !message_rate && !response_time_ms; }
};

// {"cpu_usage":0.4,"memory_usage":0.5,"connections":12,"message_rate":100,"response_time":3.5}, any of them; the body
// of an HTTP probe or of POST …/load. Of a name that comes twice the last counts, here and below. Error: kBadRequest,
// Side::kClient: it is no JSON object (NaN, Infinity and 1e999 are no JSON either), or over 64 KiB.
Result<LoadReport> parse_json_report(std::string_view body);

// "TEXT cpu_utilization:0.4,mem_utilization=0.5", "JSON {…}", and the same without the first word (TEXT). Names:
// cpu_utilization, application_utilization (beats cpu_utilization where it is above 0; 0 is not reported),
// mem_utilization, rps_fractional, eps, named_metrics.* (of which message_rate, connections and response_time mean what
// they mean in JSON; message_rate beats rps_fractional), utilization.*, request_cost.*. Error: kBadGateway,
// Side::kBackend: a form that is not known, as BIN, or broken JSON, or over 4 KiB or 256 fields.
Result<LoadReport> parse_orca(std::string_view header);

}  // namespace drover::balancer
