// How many connections Drover takes at once, for the whole process: from the configuration and from the descriptors
// that there are; and whether it welcomes new ones. Atomics, touched at accept and at close; any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/error.h"
#include "config/config.h"
#include "proxy/readiness.h"

namespace drover::proxy {

// What the process has and what it keeps for itself (listeners, loops, admin, logs).
struct DescriptorBudget {
  std::uint64_t limit = 0;  // RLIMIT_NOFILE, after raising the soft limit to the hard one
  std::uint64_t reserve = 0;
};

// Raises the soft limit to the hard one. `checks`: what probes and DNS may take at once.
DescriptorBudget descriptor_budget(unsigned workers, std::size_t listeners, std::uint64_t checks);

// min(configured, (limit − reserve) / 2): a session takes two descriptors.
std::uint32_t effective_max_connections(const config::Limits& limits, const DescriptorBudget& budget);

// The same. Error: kConfiguration; the descriptors leave none.
Result<std::uint32_t> most_connections(const config::Limits& limits, const DescriptorBudget& budget);

class Admission {
 public:
  explicit Admission(std::uint32_t max_connections) : max_(max_connections) {}
  // The supervisor's. Connections that there are stay.
  void set_max_connections(std::uint32_t most) { max_.store(most, std::memory_order_relaxed); }

  enum class Verdict : std::uint8_t { kAdmitted, kRefused };
  // Whether another connection may be accepted at all. Beyond the limit a few are, to be told so with a 503; the rest
  // waits in the kernel's backlog.
  bool may_accept() const { return active() < max_connections() + kRefusedAtOnce; }
  // For a connection that was accepted; leave() follows, whatever the verdict.
  Verdict enter() {
    return active_.fetch_add(1, std::memory_order_relaxed) < max_connections() ? Verdict::kAdmitted : Verdict::kRefused;
  }
  void leave() { active_.fetch_sub(1, std::memory_order_relaxed); }

  // The supervisor writes it.
  void set_phase(Phase phase) { phase_.store(phase, std::memory_order_relaxed); }
  Phase phase() const { return phase_.load(std::memory_order_relaxed); }

  std::uint32_t active() const { return active_.load(std::memory_order_relaxed); }
  std::uint32_t max_connections() const { return max_.load(std::memory_order_relaxed); }

  static constexpr std::uint32_t kRefusedAtOnce = 16;

 private:
  std::atomic<std::uint32_t> max_;
  std::atomic<Phase> phase_{Phase::kStarting};
  alignas(64) std::atomic<std::uint32_t> active_{0};
};

}  // namespace drover::proxy
