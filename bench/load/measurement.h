// What a run has found out: operations and their latencies within the window, the CPU time of the watched process over
// it, and errors at any time. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/encryption.h"
#include "bench/load/load_options.h"

namespace drover::bench {

class Measurement {
 public:
  explicit Measurement(std::optional<int> watch) : watch_(watch) {}

  // The ends of the window.
  void open();
  void close();
  bool is_open() const { return window_ == Window::kOpen; }
  // Whether that moment lies in the window; nanoseconds of the monotonic clock.
  bool covers(std::uint64_t nanoseconds) const;

  // One operation, where the window is open. When it began, or should have, and ended; nanoseconds.
  void count(std::uint64_t began, std::uint64_t ended) {
    if (is_open()) add(began, ended);
  }
  // One, wherever it belongs.
  void add(std::uint64_t began, std::uint64_t ended) { operations_.push_back({began, ended - began}); }
  void add_error(const std::string& what);
  std::uint64_t errors() const { return errors_; }
  std::size_t operations() const { return operations_.size(); }

  // One line of JSON, without the line feed. `handshakes` null: there was no TLS.
  std::string to_json(const LoadOptions& options, const Handshakes* handshakes = nullptr) const;

 private:
  enum class Window : std::uint8_t { kBefore, kOpen, kClosed };
  struct Operation {
    std::uint64_t began;    // nanoseconds
    std::uint64_t latency;  // nanoseconds
  };
  std::vector<std::uint64_t> sorted_latencies() const;
  std::uint64_t typical_p99() const;
  std::optional<double> cpu_microseconds();

  const std::optional<int> watch_;
  Window window_ = Window::kBefore;
  std::uint64_t opened_at_ = 0;  // nanoseconds
  std::uint64_t closed_at_ = 0;
  std::optional<double> cpu_before_, cpu_after_;  // microseconds
  std::vector<Operation> operations_;
  std::uint64_t errors_ = 0;
  std::string first_error_;
};

// CPU time of all threads of a process so far, in microseconds (schedstat, to the nanosecond); none where it is gone.
std::optional<double> cpu_time(int process);

// The smallest of `sorted` that is not exceeded by the share `quantile` (0 to 1) of them: the nearest rank. 0 of none.
std::uint64_t quantile_of(const std::vector<std::uint64_t>& sorted, double quantile);

}  // namespace drover::bench
