// Latencies are all kept: a run has a few million at most, and then a quantile is exact.
#include "bench/load/measurement.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "bench/load/message_shape.h"

namespace drover::bench {

std::optional<double> cpu_time(int process) {
  double nanoseconds = 0;
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task", failed)) {
    std::ifstream file(task.path() / "schedstat");
    double on_cpu = 0;
    if (!(file >> on_cpu)) continue;  // a thread that has just ended
    nanoseconds += on_cpu;
  }
  if (failed || nanoseconds == 0) return std::nullopt;
  return nanoseconds / 1000;
}

std::uint64_t quantile_of(const std::vector<std::uint64_t>& sorted, double quantile) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

std::optional<double> Measurement::cpu_microseconds() {
  if (!watch_) return std::nullopt;
  auto time = cpu_time(*watch_);
  if (!time) add_error("no CPU time of process " + std::to_string(*watch_));
  return time;
}

void Measurement::open() {
  window_ = Window::kOpen;
  operations_.clear();
  cpu_before_ = cpu_microseconds();
  opened_at_ = nanoseconds_now();
}

void Measurement::close() {
  window_ = Window::kClosed;
  closed_at_ = nanoseconds_now();
  cpu_after_ = cpu_microseconds();
}

bool Measurement::covers(std::uint64_t nanoseconds) const {
  if (window_ == Window::kBefore || nanoseconds < opened_at_) return false;
  return is_open() || nanoseconds < closed_at_;
}

void Measurement::add_error(const std::string& what) {
  if (errors_++ == 0) first_error_ = what;
}

std::vector<std::uint64_t> Measurement::sorted_latencies() const {
  std::vector<std::uint64_t> sorted;
  sorted.reserve(operations_.size());
  for (const Operation& each : operations_) sorted.push_back(each.latency);
  std::ranges::sort(sorted);
  return sorted;
}

// The median of the p99 of each tenth of a second. A hiccup of the machine, which has nothing to do with what is
// measured, makes the p99 of the whole window; here it is one slice among others.
std::uint64_t Measurement::typical_p99() const {
  constexpr std::uint64_t kSlice = 100'000'000;  // nanoseconds
  std::map<std::uint64_t, std::vector<std::uint64_t>> slices;
  for (const Operation& each : operations_) {
    slices[(std::max(each.began, opened_at_) - opened_at_) / kSlice].push_back(each.latency);
  }
  std::vector<std::uint64_t> quantiles;
  for (auto& [number, slice] : slices) {
    std::ranges::sort(slice);
    quantiles.push_back(quantile_of(slice, 0.99));
  }
  std::ranges::sort(quantiles);
  return quantile_of(quantiles, 0.5);
}

std::string Measurement::to_json(const LoadOptions& options, const Handshakes* handshakes) const {
  const auto operations = static_cast<double>(operations_.size());
  const double seconds = static_cast<double>(closed_at_ - opened_at_) / 1e9;
  const bool timed = options.name != CaseName::kIdle && options.name != CaseName::kDrain;
  nlohmann::ordered_json result = {{"case", name_of(options.name)},
                                   {"sessions", options.sessions},
                                   {"size", options.size},
                                   {"operations", operations_.size()},
                                   {"seconds", seconds},
                                   {"per_second", seconds > 0 ? operations / seconds : 0},
                                   {"errors", errors_},
                                   {"first_error", first_error_}};
  if (timed && cpu_before_ && cpu_after_ && operations > 0)
    result["cpu_us"] = (*cpu_after_ - *cpu_before_) / operations;
  if (handshakes != nullptr) {
    result["tls"] = {{"full", handshakes->full}, {"resumed", handshakes->resumed}, {"agreed", handshakes->agreed}};
  }
  result["latency_us"] = nullptr;
  if (timed && operations > 0) {
    const auto sorted = sorted_latencies();
    const auto microseconds = [&](double quantile) {
      return static_cast<double>(quantile_of(sorted, quantile)) / 1000;
    };
    result["latency_us"] = {{"p50", microseconds(0.5)},
                            {"p99", microseconds(0.99)},
                            {"p99.9", microseconds(0.999)},
                            {"p99_typical", static_cast<double>(typical_p99()) / 1000}};
  }
  return result.dump();
}

}  // namespace drover::bench
