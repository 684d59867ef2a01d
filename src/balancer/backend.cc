// Capacity and totals.
#include "balancer/backend.h"

#include <cmath>

#include "base/log.h"

namespace drover::balancer {

std::uint64_t Backend::effective_weight(MonotonicTime now) const {
  constexpr double kThousandthsPerPercent = 10;
  const unsigned percent = weight_percent();
  if (percent == 0) return 0;
  const double thousandths = weight() * kThousandthsPerPercent * percent * ramp(now);
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(thousandths)), 1);
}

void Backend::take_report(const LoadReport& report, MonotonicTime now) {
  load_.apply(report, now);
  if (report.look_like_percent.empty()) return;
  constexpr std::int64_t kComplainEvery = 60'000;  // milliseconds
  const auto time = now.time_since_epoch().count();
  auto before = complained_at_.load(std::memory_order_relaxed);
  if (before != INT64_MIN && time - before < kComplainEvery) return;
  if (!complained_at_.compare_exchange_strong(before, time)) return;
  log::warn("load_looks_like_percent", {{"pool", pool_},
                                        {"backend", name_},
                                        {"value", report.look_like_percent.front()},
                                        {"expected", "a fraction, as 0.4 for 40 %"}});
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
