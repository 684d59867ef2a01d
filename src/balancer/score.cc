// The means of cpu, memory and latency are sums of clamped terms; that of message_rate is divided by the largest late.
#include "balancer/score.h"

#include <algorithm>

namespace drover::balancer {

namespace {

enum Term : std::size_t { kConnections, kCpu, kMemory, kLatency, kMessageRate };

double clamped(double value) {
  return std::clamp(value, 0.0, 1.0);
}

double sessions_per_weight(const Backend& backend, MonotonicTime now) {
  constexpr double kThousandths = 1000;
  const auto weight = static_cast<double>(std::max<std::uint64_t>(backend.effective_weight(now), 1));
  return (static_cast<double>(backend.active()) + 1) * kThousandths / weight;
}

std::array<double, kTerms> weights_of(const config::Score& settings) {
  return {settings.connections, settings.cpu, settings.memory, settings.latency, settings.message_rate};
}

}  // namespace

std::optional<double> Scoring::fresh(const Reading& reading) const {
  return reading.fresh(now_, settings_.stale_after);
}

Scoring::Terms Scoring::raw_terms(const Backend& backend) const {
  const Load& load = backend.load();
  Terms terms;
  if (const auto cpu = fresh(load.cpu)) terms[kCpu] = clamped(*cpu);
  if (const auto memory = fresh(load.memory)) terms[kMemory] = clamped(*memory);
  if (const auto latency = fresh(load.latency.reading())) {
    terms[kLatency] = clamped(*latency / static_cast<double>(settings_.latency_reference.count()));
  }
  terms[kMessageRate] = fresh(load.message_rate);
  if (!terms[kMessageRate]) terms[kMessageRate] = fresh(load.own_message_rate);
  return terms;
}

void Scoring::add(const Backend& backend) {
  all_limited_ = all_limited_ && backend.max_connections() != 0;
  largest_per_weight_ = std::max(largest_per_weight_, sessions_per_weight(backend, now_));
  const Terms terms = raw_terms(backend);
  for (std::size_t term = kCpu; term < kTerms; ++term) {
    if (!terms[term]) continue;
    sums_[term] += *terms[term];
    ++known_[term];
  }
  largest_rate_ = std::max(largest_rate_, terms[kMessageRate].value_or(0));
}

double Scoring::connections(const Backend& backend) const {
  if (all_limited_) {
    const double places = static_cast<double>(backend.max_connections()) * backend.ramp(now_);
    return clamped((static_cast<double>(backend.active()) + 1) / places);
  }
  return clamped(sessions_per_weight(backend, now_) / largest_per_weight_);
}

Score Scoring::of(const Backend& backend) const {
  Terms terms = raw_terms(backend);
  terms[kConnections] = connections(backend);
  for (std::size_t term = kCpu; term < kTerms; ++term) {
    if (!terms[term] && known_[term] > 0) terms[term] = sums_[term] / static_cast<double>(known_[term]);
  }
  if (terms[kMessageRate]) {
    terms[kMessageRate] = largest_rate_ > 0 ? clamped(*terms[kMessageRate] / largest_rate_) : 0.0;
  }
  const auto weights = weights_of(settings_);
  double all = 0;
  double present = 0;
  for (std::size_t term = 0; term < kTerms; ++term) {
    all += weights[term];
    if (terms[term]) present += weights[term];
  }
  Score score;
  if (present <= 0) return score;
  for (std::size_t term = 0; term < kTerms; ++term) {
    if (!terms[term] || weights[term] <= 0) continue;
    score.parts[term] = *terms[term] * weights[term] * all / present;
    score.total += *score.parts[term];
  }
  return score;
}

}  // namespace drover::balancer
