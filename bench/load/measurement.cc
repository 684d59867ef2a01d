// Latencies are all kept: a run has a few million at most, and then a quantile is exact.
#include "bench/load/measurement.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

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
  latencies_.clear();
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

std::string Measurement::to_json(const LoadOptions& options) const {
  const auto operations = static_cast<double>(latencies_.size());
  const double seconds = static_cast<double>(closed_at_ - opened_at_) / 1e9;
  const bool timed = options.name != CaseName::kIdle;
  nlohmann::ordered_json result = {{"case", name_of(options.name)},
                                   {"sessions", options.sessions},
                                   {"size", options.size},
                                   {"operations", latencies_.size()},
                                   {"seconds", seconds},
                                   {"per_second", seconds > 0 ? operations / seconds : 0},
                                   {"errors", errors_},
                                   {"first_error", first_error_}};
  if (timed && cpu_before_ && cpu_after_ && operations > 0)
    result["cpu_us"] = (*cpu_after_ - *cpu_before_) / operations;
  result["latency_us"] = nullptr;
  if (timed && operations > 0) {
    auto sorted = latencies_;
    std::ranges::sort(sorted);
    const auto microseconds = [&](double quantile) {
      return static_cast<double>(quantile_of(sorted, quantile)) / 1000;
    };
    result["latency_us"] = {{"p50", microseconds(0.5)}, {"p99", microseconds(0.99)}, {"p99.9", microseconds(0.999)}};
  }
  return result.dump();
}

}  // namespace drover::bench
