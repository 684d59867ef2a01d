// Sessions that come and go on backends whose load reports are old: what the real policies make of it, by a clock of
// its own. Deterministic by seed: times are whole microseconds and reports whole thousandths, so that the last bit of a
// logarithm, in which machines may differ, decides nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "balancer/backend.h"
#include "balancer/lease.h"
#include "balancer/policy.h"
#include "balancer/pool.h"

namespace drover::balancer::simulation {

using Microseconds = std::chrono::microseconds;

inline constexpr int kArrivals = 10'000;
inline constexpr int kWarmUp = 2'000;                      // arrivals before anything is measured
inline constexpr int kSessionsPerBackend = 30;             // in the mean
inline constexpr Microseconds kSessionLength{60'000'000};  // in the mean, exponentially distributed
inline constexpr double kSessionsAtFullCpu = 60;
inline constexpr unsigned kWorkers = 2;

enum class Voice : std::uint8_t { kReports, kMute };

struct Nature {
  double cost = 1;       // what a session takes of its cpu and memory, over what one takes of the others'
  double outside = 0;    // cpu that something else takes, a fraction
  double length = 1;     // of its sessions, over that of the others'
  double jitter = 0.05;  // of its reports, the standard deviation of a fraction
  Voice voice = Voice::kReports;
};

struct Scenario {
  std::string policy = "health_score";
  std::optional<unsigned> choices;
  std::vector<Nature> backends;
  Milliseconds report_every{10'000};
  std::uint64_t seed = 1;
};

// All alike.
inline std::vector<Nature> plain(std::size_t count) {
  return std::vector<Nature>(count);
}

// The first is noisy, the last is mute.
inline std::vector<Nature> noisy_and_mute(std::size_t count) {
  auto backends = plain(count);
  backends.front().jitter = 0.25;
  backends.back().voice = Voice::kMute;
  return backends;
}

inline std::vector<Nature> all_mute(std::size_t count) {
  return std::vector<Nature>(count, {.voice = Voice::kMute});
}

// The first is half as strong as the others.
inline std::vector<Nature> one_weak(std::size_t count) {
  auto backends = plain(count);
  backends.front().cost = 2;
  return backends;
}

// The first has other work that takes 30 % of its cpu.
inline std::vector<Nature> one_busy(std::size_t count) {
  auto backends = plain(count);
  backends.front().outside = 0.3;
  return backends;
}

// The first loses every session after half a second or so: it always looks idle.
inline std::vector<Nature> one_dropping(std::size_t count) {
  auto backends = plain(count);
  backends.front().length = 0.01;
  return backends;
}

// Over time after the warm-up.
struct Outcome {
  double typical = 0;          // the mean of largest over mean of the backends' active sessions
  double worst = 0;            // the largest of it
  double busiest = 0;          // the mean of the largest true cpu of a backend
  std::vector<double> shares;  // of each backend: its mean sessions over those of all
  std::vector<double> placed;  // of each backend: how many of the arrivals it was given, a fraction
};

class Run {
 public:
  explicit Run(const Scenario& scenario)
      : scenario_(scenario), random_(scenario.seed), pool_(settings_of(scenario), make_backends(scenario)) {
    for (unsigned worker = 0; worker < kWorkers; ++worker) {
      policies_.push_back(pool_.make_policy(worker, scenario.seed * kWorkers + worker));
    }
    outcome_.shares.resize(scenario.backends.size());
    outcome_.placed.resize(scenario.backends.size());
    // A session's length has no memory: those that are there at first are as those that have just come.
    for (const auto& backend : pool_.backends()) {
      for (int i = 0; i < kSessionsPerBackend; ++i) begin_session(backend);
    }
    for (std::size_t i = 0; i < scenario.backends.size(); ++i) {
      const Microseconds every = scenario.report_every;
      reports_.emplace(every * static_cast<int>(i) / static_cast<int>(scenario.backends.size()), i);
    }
  }

  Outcome finish() {
    const auto backends = static_cast<double>(scenario_.backends.size());
    const auto gap = static_cast<double>(kSessionLength.count()) / (kSessionsPerBackend * backends);
    for (int arrival = 0; arrival < kArrivals; ++arrival) {
      measuring_ = arrival >= kWarmUp;
      advance(now_ + exponential(gap));
      const auto& policy = policies_[random_() % kWorkers];
      const auto picked = policy->pick({.eligible = any_, .now = clock(), .key = {}});
      begin_session(picked);
      if (measuring_) outcome_.placed[index_of(*picked)] += 1.0 / (kArrivals - kWarmUp);
    }
    const auto all = static_cast<double>(measured_.count());
    outcome_.typical /= all;
    outcome_.busiest /= all;
    for (double& share : outcome_.shares) share /= all;
    return outcome_;
  }

 private:
  static config::Pool settings_of(const Scenario& scenario) {
    config::Pool settings;
    settings.policy = scenario.policy;
    settings.choices = scenario.choices;
    return settings;
  }
  static std::vector<std::shared_ptr<Backend>> make_backends(const Scenario& scenario) {
    std::vector<std::shared_ptr<Backend>> backends;
    for (std::size_t i = 0; i < scenario.backends.size(); ++i) {
      config::BackendSpec spec;
      spec.name = std::to_string(i);
      backends.push_back(std::make_shared<Backend>("pool", spec));
    }
    return backends;
  }

  // --- Chance, by arithmetic that is the same everywhere.
  double uniform() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }
  Microseconds exponential(double mean) { return Microseconds(std::llround(-mean * std::log(1 - uniform()))); }
  double normal() {  // nearly
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

  MonotonicTime clock() const { return MonotonicTime(std::chrono::duration_cast<Milliseconds>(now_)); }
  double cpu(std::size_t index) const {
    const Nature& nature = scenario_.backends[index];
    return nature.outside + nature.cost * pool_.backends()[index]->active() / kSessionsAtFullCpu;
  }

  static std::size_t index_of(const Backend& backend) { return std::stoul(backend.name()); }

  void begin_session(const std::shared_ptr<Backend>& backend) {
    const std::size_t index = index_of(*backend);
    const double length = static_cast<double>(kSessionLength.count()) * scenario_.backends[index].length;
    ends_.emplace(now_ + exponential(length), Lease::take(backend));
    // Its upgrade takes the longer the busier the backend is: 5 ms idle, 50 ms at its limits, give or take a fifth.
    const double busy = std::min(cpu(index), 2.0);
    const double ms = (5 + 45 * busy * busy) * (0.8 + 0.4 * uniform());
    backend->load().latency.add(Microseconds(std::llround(ms * 1000)), clock());
  }
  void report(std::size_t index) {
    const Nature& nature = scenario_.backends[index];
    const auto told = [&](double truth) {
      return std::round(std::clamp(truth + nature.jitter * normal(), 0.0, 1.0) * 1000) / 1000;
    };
    LoadReport report;
    report.cpu = told(cpu(index));
    report.memory = told(0.2 + 0.5 * (cpu(index) - nature.outside));
    if (nature.voice == Voice::kReports) pool_.backends()[index]->load().apply(report, clock());
  }

  // Departures and reports up to then.
  void advance(Microseconds until) {
    constexpr Microseconds kNever = Microseconds::max();
    for (;;) {
      const Microseconds end = ends_.empty() ? kNever : ends_.begin()->first;
      const Microseconds told = reports_.begin()->first;
      const Microseconds next = std::min({end, told, until});
      measure(next - now_);
      now_ = next;
      if (next == until) return;
      if (next == end) {
        ends_.erase(ends_.begin());
        continue;
      }
      const std::size_t index = reports_.begin()->second;
      reports_.erase(reports_.begin());
      report(index);
      reports_.emplace(now_ + scenario_.report_every, index);
    }
  }
  void measure(Microseconds passed) {
    if (!measuring_) return;
    const auto weight = static_cast<double>(passed.count());
    double largest = 0;
    double total = 0;
    double busiest = 0;
    for (std::size_t i = 0; i < scenario_.backends.size(); ++i) {
      const auto active = static_cast<double>(pool_.backends()[i]->active());
      largest = std::max(largest, active);
      total += active;
      busiest = std::max(busiest, cpu(i));
    }
    const double mean = std::max(total, 1.0) / static_cast<double>(scenario_.backends.size());
    for (std::size_t i = 0; i < scenario_.backends.size(); ++i) {
      outcome_.shares[i] += weight * pool_.backends()[i]->active() / mean;
    }
    outcome_.typical += weight * largest / mean;
    outcome_.worst = std::max(outcome_.worst, largest / mean);
    outcome_.busiest += weight * busiest;
    measured_ += passed;
  }

  const Scenario scenario_;
  std::mt19937_64 random_;
  const Pool pool_;
  const std::function<bool(const Backend&)> any_ = [](const Backend&) { return true; };
  std::vector<std::unique_ptr<Policy>> policies_;
  Microseconds now_{0};
  bool measuring_ = false;
  Microseconds measured_{0};
  std::multimap<Microseconds, Lease> ends_;
  std::multimap<Microseconds, std::size_t> reports_;
  Outcome outcome_;
};

inline Outcome run(const Scenario& scenario) {
  return Run(scenario).finish();
}

// The means over seeds from 1; of the worst the worst.
inline Outcome run(Scenario scenario, unsigned seeds) {
  Outcome all;
  all.shares.resize(scenario.backends.size());
  all.placed.resize(scenario.backends.size());
  for (scenario.seed = 1; scenario.seed <= seeds; ++scenario.seed) {
    const Outcome one = run(scenario);
    all.typical += one.typical / seeds;
    all.worst = std::max(all.worst, one.worst);
    all.busiest += one.busiest / seeds;
    for (std::size_t i = 0; i < one.shares.size(); ++i) {
      all.shares[i] += one.shares[i] / seeds;
      all.placed[i] += one.placed[i] / seeds;
    }
  }
  return all;
}

}  // namespace drover::balancer::simulation
