// From a report to the readings that the score goes by.
#include "balancer/load.h"

#include <algorithm>
#include <limits>

namespace drover::balancer {

void Load::apply(const LoadReport& report, MonotonicTime now) {
  const auto take = [now](Reading& reading, const std::optional<double>& value, double most) {
    if (value) reading.set(std::min(*value, most), now);
  };
  constexpr double kAny = std::numeric_limits<double>::max();
  take(cpu, report.cpu, 1.0);
  take(memory, report.memory, 1.0);
  take(connections, report.connections, kAny);
  take(message_rate, report.message_rate, kAny);
  take(response_time, report.response_time_ms, kAny);
  ignored.fetch_add(report.ignored, std::memory_order_relaxed);
}

}  // namespace drover::balancer
