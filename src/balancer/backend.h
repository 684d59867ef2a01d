// A server that sessions are sent to, as every thread sees it: fixed facts, and atomics for what changes. The states
// are written by the supervisor alone; counts and readings by whoever knows.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "balancer/backend_state.h"
#include "balancer/holder.h"
#include "balancer/load.h"
#include "balancer/slots.h"
#include "balancer/slow_start.h"
#include "balancer/traffic.h"
#include "base/clock.h"
#include "config/config.h"

namespace drover::balancer {

class Backend {
 public:
  // `spec.address.host` is a numeric address. `workers`: how many threads carry its sessions, 1 at least.
  // `farewells`: of the pool, see there; null: of its own.
  Backend(std::string pool, config::BackendSpec spec, unsigned workers = 1, std::shared_ptr<Slots> farewells = nullptr)
      : pool_(std::move(pool)),
        name_(std::move(spec.name)),
        address_(std::move(spec.address)),
        authority_(spec.authority.empty() ? address_.text : spec.authority),
        traffic_(std::make_unique<Traffic[]>(workers)),
        holders_(std::make_unique<Holders[]>(workers)),
        farewells_(farewells ? std::move(farewells) : std::make_shared<Slots>()),
        workers_(workers),
        weight_(spec.weight),
        max_connections_(spec.max_connections) {}
  ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const std::string& pool() const { return pool_; }
  const std::string& name() const { return name_; }
  const config::Endpoint& address() const { return address_; }

  // For a Host header: the address as the configuration has it, a name where it was one.
  const std::string& authority() const { return authority_; }

  // --- Capacity.
  unsigned weight() const { return weight_.load(std::memory_order_relaxed); }  // as configured
  // The weight in thousandths, after what the agent says and in slow start; at least 1 unless the agent says 0 %.
  std::uint64_t effective_weight(MonotonicTime now) const;
  double ramp(MonotonicTime now) const { return slow_start_.ramp(now); }
  std::uint32_t max_connections() const { return max_connections_.load(std::memory_order_relaxed); }  // 0: none
  // Sessions that hold a lease on it now.
  std::uint32_t active() const { return active_.load(std::memory_order_relaxed); }
  bool full() const {
    const auto most = max_connections();
    return most != 0 && active() >= most;
  }

  // --- States.
  ProbeState probe() const { return probe_.load(std::memory_order_relaxed); }
  bool ejected() const { return ejected_.load(std::memory_order_relaxed); }
  // The stricter of what the operator and the agent say.
  OperatorState operator_state() const {
    return std::max(operator_.load(std::memory_order_relaxed), agent_.load(std::memory_order_relaxed));
  }
  // Whether new sessions may go to it as far as health is not concerned: the operator left it ready, and it is still in
  // the configuration or in its name's DNS answer.
  bool open() const {
    return operator_state() == OperatorState::kReady && !leaving_.load(std::memory_order_relaxed) &&
           weight_percent_.load(std::memory_order_relaxed) != 0;
  }

  // The supervisor's.
  void set_weight(unsigned weight) { weight_.store(weight, std::memory_order_relaxed); }
  void set_probe(ProbeState state) { probe_.store(state, std::memory_order_relaxed); }
  void set_ejected(bool ejected) { ejected_.store(ejected, std::memory_order_relaxed); }
  void set_operator_state(OperatorState state) { operator_.store(state, std::memory_order_relaxed); }
  void set_agent_state(OperatorState state) { agent_.store(state, std::memory_order_relaxed); }
  OperatorState agent_state() const { return agent_.load(std::memory_order_relaxed); }
  void set_weight_percent(unsigned percent) { weight_percent_.store(percent, std::memory_order_relaxed); }
  unsigned weight_percent() const { return weight_percent_.load(std::memory_order_relaxed); }
  void set_max_connections(std::uint32_t most) { max_connections_.store(most, std::memory_order_relaxed); }
  void set_leaving(bool leaving) { leaving_.store(leaving, std::memory_order_relaxed); }
  bool leaving() const { return leaving_.load(std::memory_order_relaxed); }
  void begin_slow_start(MonotonicTime now, Milliseconds length) { slow_start_.begin(now, length); }

  // --- What sessions meet with. Any thread.
  // A connect or upgrade that failed by the backend's fault. How many in a row that makes.
  std::uint32_t note_failure() {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return failures_in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  // An answer to an upgrade that is no failure.
  void note_success() {
    if (failures_in_a_row_.load(std::memory_order_relaxed) != 0) forget_failures();
  }
  void forget_failures() { failures_in_a_row_.store(0, std::memory_order_relaxed); }
  // An answer that is neither a failure nor a 101: it is the client that the backend does not want.
  void note_refusal() { refusals_.fetch_add(1, std::memory_order_relaxed); }
  void note_session() { sessions_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t sessions() const { return sessions_.load(std::memory_order_relaxed); }  // that were upgraded
  std::uint64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

  Load& load() { return load_; }
  // Any thread. Takes over what the report has, and logs, once a minute at most, fractions that look like percent.
  void take_report(const LoadReport& report, MonotonicTime now);
  const Load& load() const { return load_; }
  // What worker `index` carries; that worker writes it.
  Traffic& traffic(unsigned worker) { return traffic_[worker]; }
  // Who holds a lease on it on worker `index`, unless a drain has it in a list of its own; that worker's alone.
  Holders& holders(unsigned worker) { return holders_[worker]; }
  // When the clients of backends of this pool that are lost are told so: all workers and backends of the pool together.
  Slots& farewells() { return *farewells_; }
  struct TrafficTotals {
    std::uint64_t messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0;
  };
  TrafficTotals traffic_totals() const;

 private:
  friend class Lease;
  bool try_acquire() {
    const auto before = active_.fetch_add(1, std::memory_order_relaxed);
    const auto most = max_connections();
    if (most == 0 || before < most) return true;
    release();
    return false;
  }
  void release() { active_.fetch_sub(1, std::memory_order_relaxed); }

  const std::string pool_;
  const std::string name_;
  const config::Endpoint address_;
  const std::string authority_;
  // Looked up at each read of a tunnel: among what hardly ever changes, not beside load_.
  const std::unique_ptr<Traffic[]> traffic_;
  const std::unique_ptr<Holders[]> holders_;
  const std::shared_ptr<Slots> farewells_;
  const unsigned workers_;
  std::atomic<unsigned> weight_;
  std::atomic<ProbeState> probe_{ProbeState::kChecking};
  std::atomic<bool> ejected_{false};
  std::atomic<OperatorState> operator_{OperatorState::kReady};
  std::atomic<OperatorState> agent_{OperatorState::kReady};
  std::atomic<bool> leaving_{false};
  std::atomic<unsigned> weight_percent_{100};
  std::atomic<std::uint32_t> max_connections_;
  SlowStart slow_start_;
  Load load_;
  std::atomic<std::int64_t> complained_at_{INT64_MIN};  // of a report; milliseconds of MonotonicTime
  // Written at each handshake: a line of its own.
  alignas(64) std::atomic<std::uint32_t> active_{0};
  std::atomic<std::uint32_t> failures_in_a_row_{0};
  std::atomic<std::uint64_t> sessions_{0};
  std::atomic<std::uint64_t> refusals_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace drover::balancer
