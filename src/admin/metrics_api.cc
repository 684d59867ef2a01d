// Each metric is begun in one place, with its help and all of its samples, by what it is told of: the process, drains,
// backends, workers; pools have a file of their own. docs/metrics.md has a line for each.
#include "admin/metrics_api.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/pool_metrics.h"
#include "admin/scores.h"
#include "observe/exposition.h"

namespace drover::admin {

namespace {

using observe::Distribution;
using observe::Exposition;
using observe::MetricType;

constexpr double kMicroseconds = 1e6;  // in a second

// --- The process.

// One number, without labels.
template <class Number>
void tell_one(Exposition& out, MetricType type, std::string_view name, std::string_view help, Number value) {
  out.begin(type, name, help);
  out.add({}, value);
}

double seconds_since_epoch(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void tell_process(Exposition& out, const Status& status) {
  constexpr auto kGauge = MetricType::kGauge;
  out.begin(kGauge, "drover_build_info", "Which Drover this is; always 1.");
  out.add({{"version", status.version}}, std::uint64_t{1});
  tell_one(out, kGauge, "drover_start_time_seconds", "When the process started, in seconds since 1970.",
           seconds_since_epoch(status.started));
  tell_one(out, kGauge, "drover_connections_active", "Client connections that are open now.",
           std::uint64_t{status.active_connections});
  tell_one(out, kGauge, "drover_connections_limit", "How many client connections there may be at once.",
           std::uint64_t{status.max_connections});
  tell_one(out, kGauge, "drover_descriptors_used", "File descriptors that the process has open.",
           status.descriptors_used);
  tell_one(out, kGauge, "drover_descriptors_limit", "How many file descriptors the process may have open.",
           status.descriptors_limit);
  tell_one(out, kGauge, "drover_resident_memory_bytes", "Physical memory that the process holds.",
           status.resident_bytes);
  tell_one(out, kGauge, "drover_buffered_bytes", "Bytes that Drover holds because their receiver is slow to take them.",
           status.buffered_bytes);
  tell_one(out, kGauge, "drover_paused_relays",
           "Directions of sessions in which nothing is read because the receiver is slow.", status.paused_relays);
  tell_one(out, MetricType::kCounter, "drover_log_lines_dropped_total",
           "Log lines that were lost because their destination was full, broken or too slow.",
           status.log_lines_dropped);
}

void tell_certificates(Exposition& out, const std::vector<CertificateStatus>& certificates) {
  out.begin(MetricType::kGauge, "drover_certificate_not_after_timestamp_seconds",
            "When a listener's certificate expires, in seconds since 1970.");
  for (const auto& one : certificates) out.add({{"file", one.file}}, seconds_since_epoch(one.not_after));
}

void tell_config(Exposition& out, const Measures& measures) {
  out.begin(MetricType::kGauge, "drover_config_info",
            "The configuration in force, by a hash that leaves its secrets out; always 1.");
  out.add({{"hash", measures.config_hash}}, std::uint64_t{1});
  tell_one(out, MetricType::kGauge, "drover_config_last_reload_successful",
           "1, or 0 where the last reload was refused and the configuration before it is still in force.",
           std::uint64_t{measures.last_reload_successful ? 1U : 0U});
}

// --- Drains.

bool goes_on(const migration::DrainView& drain) {
  using enum migration::DrainState;
  return drain.state == kRunning || drain.state == kWaiting || drain.state == kFrozen;
}

// A shutdown is for everybody, those of other drains among them.
std::uint64_t left_of(const Source& source, const Status& status) {
  if (status.drain_left > 0) return status.drain_left;
  std::uint64_t left = 0;
  for (const auto& drain : source.drains()) left += goes_on(drain) ? drain.left : 0;
  return left;
}

void tell_drains(Exposition& out, const Source& source, const Status& status) {
  tell_one(out, MetricType::kGauge, "drover_drain_left",
           "Sessions that drains, or a shutdown, still have to see go; 0 while there is none.",
           left_of(source, status));
  tell_one(out, MetricType::kGauge, "drover_drains_frozen", "1 while an operator's freeze holds every drain up.",
           std::uint64_t{source.frozen() == Source::Frozen::kYes ? 1U : 0U});
}

// --- Backends: those of the configuration and of the last DNS answers. One that goes takes its series along; what it
// carried stays in the numbers of its pool.

std::vector<Scored> all_scored(const Pools& pools, MonotonicTime now) {
  std::vector<Scored> all;
  for (const auto& pool : pools) std::ranges::copy(scored(*pool, pool->standard(), now), std::back_inserter(all));
  return all;
}

// `value`: a number, or none where the backend has none to show.
template <class Value>
void tell_each(Exposition& out, const std::vector<Scored>& backends, std::string_view name, std::string_view help,
               Value value) {
  out.begin(MetricType::kGauge, name, help);
  for (const auto& one : backends) {
    const std::optional<double> known = value(one);
    if (known) out.add({{"pool", one.backend->pool()}, {"backend", one.backend->name()}}, *known);
  }
}

void tell_backend_upgrades(Exposition& out, const std::vector<Scored>& backends) {
  out.begin(MetricType::kCounter, "drover_backend_upgrades_total",
            "What became of upgrade requests at a backend: upgraded, refused (any other answer below 500) or failed.");
  for (const auto& one : backends) {
    const balancer::Backend& backend = *one.backend;
    const auto add = [&](std::string_view result, std::uint64_t count) {
      out.add({{"pool", backend.pool()}, {"backend", backend.name()}, {"result", result}}, count);
    };
    add("upgraded", backend.sessions());
    add("refused", backend.refusals());
    add("failed", backend.failures());
  }
}

std::optional<double> latency_seconds(const balancer::Backend& backend) {
  const auto last = backend.load().latency.reading().last();
  if (!last) return std::nullopt;
  return last->value / 1e3;
}

void tell_backends(Exposition& out, const Pools& pools, MonotonicTime now) {
  const auto backends = all_scored(pools, now);
  tell_each(out, backends, "drover_backend_up", "1 where the last probes found the backend up.",
            [](const Scored& one) { return one.backend->probe() == balancer::ProbeState::kUp ? 1.0 : 0.0; });
  tell_each(out, backends, "drover_backend_eligible", "1 where the backend may get new sessions.",
            [](const Scored& one) { return one.score ? 1.0 : 0.0; });
  tell_each(out, backends, "drover_backend_active", "Sessions that the backend has now.",
            [](const Scored& one) { return static_cast<double>(one.backend->active()); });
  tell_each(out, backends, "drover_backend_score", "The health score of an eligible backend; lower is better.",
            [](const Scored& one) { return one.score ? std::optional(one.score->total) : std::nullopt; });
  tell_each(out, backends, "drover_backend_latency_seconds",
            "Round trips through the backend, smoothed; absent until one was measured.",
            [](const Scored& one) { return latency_seconds(*one.backend); });
  tell_backend_upgrades(out, backends);
}

// --- Workers.

// Their bounds are at most a 32nd above these: base/histogram.h.
constexpr std::array<std::uint64_t, 13> kLagBounds = {100,    250,    500,     1'000,   2'500,   5'000,    10'000,
                                                      25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000};

Distribution lag_of(const Histogram& lag) {
  Distribution distribution;
  for (const auto bound : kLagBounds) {
    distribution.buckets.push_back(
        {.bound = static_cast<double>(bound) / kMicroseconds, .up_to = lag.count_up_to(Histogram::Duration(bound))});
  }
  distribution.count = lag.count();  // behind the buckets: no less than any of them
  distribution.sum = static_cast<double>(lag.sum().count()) / kMicroseconds;
  return distribution;
}

void tell_handshakes(Exposition& out, const std::vector<Measures::Worker>& workers) {
  out.begin(MetricType::kCounter, "drover_tls_handshakes_total",
            "TLS handshakes with clients and backends: full, resumed from an earlier session, or failed.");
  const auto add = [&](std::string_view side, net::TlsCounts::OfSide net::TlsCounts::* of_side) {
    const auto tell = [&](std::string_view result, Counter net::TlsCounts::OfSide::* of_result) {
      std::uint64_t count = 0;
      for (const auto& worker : workers) count += (worker.tls.*of_side.*of_result).read();
      out.add({{"side", side}, {"result", result}}, count);
    };
    tell("full", &net::TlsCounts::OfSide::full);
    tell("resumed", &net::TlsCounts::OfSide::resumed);
    tell("failed", &net::TlsCounts::OfSide::failed);
  };
  add("client", &net::TlsCounts::clients);
  add("backend", &net::TlsCounts::backends);
}

void tell_workers(Exposition& out, const std::vector<Measures::Worker>& workers) {
  out.begin(MetricType::kCounter, "drover_rejected_total",
            "Requests that Drover itself answered with an error, by the reason.");
  for (std::size_t code = 0; code < kAnswerableCodes; ++code) {
    std::uint64_t count = 0;
    for (const auto& worker : workers) count += worker.counters.rejected[code].read();
    out.add({{"reason", name_of(static_cast<Code>(code))}}, count);
  }
  std::uint64_t exhausted = 0;
  for (const auto& worker : workers) exhausted += worker.counters.exhausted.read();
  tell_one(out, MetricType::kCounter, "drover_resources_exhausted_total",
           "Accepts and dials that failed because descriptors, memory or ports had run out.", exhausted);
  tell_handshakes(out, workers);
  out.begin(MetricType::kHistogram, "drover_loop_lag_seconds",
            "How late a worker's event loop came to its timers, a measure of how busy the worker is.");
  for (std::size_t index = 0; index < workers.size(); ++index) {
    out.add({{"worker", std::to_string(index)}}, lag_of(workers[index].lag));
  }
}

}  // namespace

Reply metrics(const Call& call) {
  Exposition out;
  const auto measures = call.source.measures();
  const Status status = call.source.status();
  tell_process(out, status);
  tell_certificates(out, status.certificates);
  tell_config(out, measures);
  tell_drains(out, call.source, status);
  tell_pools(out, measures.ledger);
  tell_backends(out, call.source.pools(), call.request.now);
  tell_workers(out, measures.workers);
  return {.status = 200, .body = out.text(), .allow = {}, .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace drover::admin
