// Looks after one backend: probes it, asks its agent, ejects it and lets it back, and puts what it learns into the
// Backend that all threads see. A change of state is logged once, with its reason. One thread, the loop's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "balancer/backend.h"
#include "config/config.h"
#include "health/agent.h"
#include "health/ejection.h"
#include "health/probe.h"
#include "health/rounds.h"
#include "health/thresholds.h"
#include "net/loop.h"
#include "net/tls_dialler.h"

namespace drover::health {

class Watch {
 public:
  // Whether the backend was there when Drover started: who comes later starts slowly.
  enum class Arrival : std::uint8_t { kAtStart, kLater };
  struct Start {
    MonotonicTime first;  // look
    double phase = 0;     // of the others, 0 … 1
    Arrival arrival = Arrival::kAtStart;
  };

  // What the configuration says of it.
  struct Terms {
    // `spoken_to`: see balancer::Pool::tls_of().
    explicit Terms(const config::Pool& settings, const config::BackendTls* spoken_to = nullptr)
        : check(settings.health_check), slow_start(settings.slow_start), ejection(settings.ejection) {
      if (spoken_to != nullptr) tls = *spoken_to;
    }
    config::HealthCheck check;
    Milliseconds slow_start;
    config::Ejection ejection;
    std::optional<config::BackendTls> tls;
    bool operator==(const Terms&) const = default;
  };

  // `dialler`: the loop's, for backends with TLS; outlives the watch. `on_change` is called after every change of a
  // state.
  Watch(net::Loop& loop, net::TlsDialler& dialler, std::shared_ptr<balancer::Backend> backend, Terms terms,
        const Start& start, std::function<void()> on_change, std::function<void()> on_agent_drain = {},
        std::function<void()> on_down = {});
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  const Terms& terms() const { return terms_; }
  // Goes by these from now on. States, counts and an ejection stay; where it is looked at in another way, the first
  // look of that is at `first`, and until then it counts as it did.
  void adopt(Terms terms, MonotonicTime first);
  // Sessions failed on it `ejection.failures` times in a row.
  void eject();
  // Why it gets no sessions, for people: "connection refused", "drain"; empty where it does.
  std::string obstacle() const;

 private:
  class Ejected;

  void begin_rounds(MonotonicTime first);
  void end_rounds();
  void forget_agent();
  void begin_probe();
  void end_probe(const ProbeResult& result);
  void take(const ProbeResult& result);
  void note_verdict(Verdict verdict, std::string reason);
  void begin_query();
  void end_query(const Result<AgentReport>& result);
  void take(const AgentReport& report);
  void publish(const std::string& reason);
  void let_back();
  void sample_rate();

  net::Loop& loop_;
  net::TlsDialler& dialler_;
  const std::shared_ptr<balancer::Backend> backend_;
  Terms terms_;
  const double phase_;
  const std::function<void()> on_change_;
  const std::function<void()> on_agent_drain_;
  const std::function<void()> on_down_;
  Arrival arrival_;

  net::Address address_;
  Thresholds thresholds_;
  std::string failure_;      // of the last probe; empty: it was good
  bool could_probe_ = true;  // false: Drover itself had not what it takes
  std::optional<Rounds> probes_;
  std::unique_ptr<Probe> probe_;

  std::optional<Rounds> queries_;
  std::unique_ptr<AgentQuery> query_;
  bool agent_says_down_ = false;
  std::string agent_words_;    // why
  std::string agent_failure_;  // why it could not be asked; empty: it could

  Ejections ejections_;
  std::unique_ptr<Ejected> ejected_;

  std::uint64_t messages_ = 0;  // at the last sample
  std::optional<MonotonicTime> sampled_;
};

}  // namespace drover::health
