// Capacity and totals.
#include "balancer/backend.h"

#include <cmath>

namespace drover::balancer {

std::uint64_t Backend::effective_weight(MonotonicTime now) const {
  constexpr double kThousandthsPerPercent = 10;
  const unsigned percent = weight_percent();
  if (percent == 0) return 0;
  const double thousandths = weight() * kThousandthsPerPercent * percent * ramp(now);
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(thousandths)), 1);
}

Backend::TrafficTotals Backend::traffic_totals() const {
  TrafficTotals totals;
  for (unsigned worker = 0; worker < workers_; ++worker) {
    const Traffic& traffic = traffic_[worker];
    totals.messages_in += traffic.messages_in.read();
    totals.messages_out += traffic.messages_out.read();
    totals.bytes_in += traffic.bytes_in.read();
    totals.bytes_out += traffic.bytes_out.read();
  }
  return totals;
}

}  // namespace drover::balancer
