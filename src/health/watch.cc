// Probe, agent and ejection each write a state of their own; none looks at the others'.
#include "health/watch.h"

#include <utility>

#include "base/log.h"
#include "config/values.h"

namespace drover::health {

using balancer::OperatorState;
using balancer::ProbeState;

namespace {

// What a backend is called in each of its log lines.
log::Field pool_of(const balancer::Backend& backend) {
  return {"pool", backend.pool()};
}
log::Field name_of_backend(const balancer::Backend& backend) {
  return {"backend", backend.name()};
}

// The backend's host is a numeric address, as the snapshot has made sure.
net::Address address_of(const balancer::Backend& backend, std::uint16_t port) {
  return net::Address::from_literal(backend.address().host, port).value_or(net::Address());
}

}  // namespace

// The end of an ejection.
class Watch::Ejected final : public net::TimerWheel::Node {
 public:
  Ejected(Watch& watch, Milliseconds length) : watch_(watch), length_(length) {
    watch.loop_.arm(*this, watch.loop_.now() + length);
  }
  ~Ejected() { watch_.loop_.wheel().disarm(*this); }
  Ejected(const Ejected&) = delete;
  Ejected& operator=(const Ejected&) = delete;
  Milliseconds length() const { return length_; }

 private:
  void on_deadline() noexcept override { watch_.let_back(); }
  Watch& watch_;
  const Milliseconds length_;
};

Watch::Watch(net::Loop& loop, net::TlsDialler& dialler, std::shared_ptr<balancer::Backend> backend, Terms terms,
             const Start& start, std::function<void()> on_change, std::function<void()> on_agent_drain,
             std::function<void()> on_down)
    : loop_(loop),
      dialler_(dialler),
      backend_(std::move(backend)),
      terms_(std::move(terms)),
      phase_(start.phase),
      on_change_(std::move(on_change)),
      on_agent_drain_(std::move(on_agent_drain)),
      on_down_(std::move(on_down)),
      arrival_(start.arrival),
      address_(address_of(*backend_, backend_->address().port)),
      thresholds_(backend_->probe()) {
  backend_->set_ejected(false);
  if (terms_.check.interval.count() == 0) backend_->set_probe(ProbeState::kUp);
  // Without a probe that would find it up: there is none, or it has come back with the state that it left with.
  if (arrival_ == Arrival::kLater && backend_->probe() == ProbeState::kUp)
    backend_->begin_slow_start(loop_.now(), terms_.slow_start);
  begin_rounds(start.first);
}

Watch::~Watch() = default;

void Watch::begin_rounds(MonotonicTime first) {
  if (terms_.check.interval.count() == 0) {
    thresholds_ = Thresholds(ProbeState::kUp);
    return;
  }
  const Milliseconds timeout = terms_.check.timeout;
  const std::string silence = "no answer within " + config::format_duration(timeout);
  const Schedule schedule(terms_.check.interval, phase_);
  probes_.emplace(loop_, schedule, timeout,
                  Rounds::Task{.begin = [this] { begin_probe(); },
                               .cut =
                                   [this, silence] {
                                     probe_.reset();
                                     note_verdict(Verdict::kBad, silence);
                                   }});
  probes_->start(first);
  if (terms_.check.agent_port == 0) return;
  queries_.emplace(loop_, schedule, timeout,
                   Rounds::Task{.begin = [this] { begin_query(); },
                                .cut =
                                    [this, silence] {
                                      query_.reset();
                                      end_query(fail(Code::kConnectTimeout, Side::kBackend, silence));
                                    }});
  queries_->start(first);
}

void Watch::end_rounds() {
  probe_.reset();
  probes_.reset();
  query_.reset();
  queries_.reset();
}

void Watch::adopt(Terms terms, MonotonicTime first) {
  const bool looks_the_same = terms.check == terms_.check && terms.tls == terms_.tls;
  terms_ = std::move(terms);
  if (looks_the_same) return;
  end_rounds();
  begin_rounds(first);
  if (!queries_) forget_agent();
  publish(failure_);
}

// Nobody asks it any more, so nobody could tell that it says otherwise by now.
void Watch::forget_agent() {
  const bool was_open = backend_->open();
  backend_->set_agent_state(OperatorState::kReady);
  backend_->set_weight_percent(100);
  agent_says_down_ = false;
  agent_words_.clear();
  agent_failure_.clear();
  if (backend_->open() != was_open) on_change_();
}

void Watch::begin_probe() {
  sample_rate();
  const auto on_result = [this](const ProbeResult& result) { end_probe(result); };
  probe_ = make_probe(loop_, terms_.check, backend_->authority());
  const auto& tls = terms_.tls;
  if (!tls) return probe_->start(address_, nullptr, on_result);
  const auto context = dialler_.context_for({tls->verify, tls->ca, tls->crl});
  if (!context) return end_probe({.verdict = std::unexpected(context.error()), .round_trip = {}, .report = {}});
  const net::TlsTarget target{**context, tls->server_name};
  probe_->start(address_, &target, on_result);
}

void Watch::end_probe(const ProbeResult& result) {
  probes_->end();
  take(result);
  probe_.reset();  // last: the callback that this is called from is the probe's
}

void Watch::take(const ProbeResult& result) {
  const auto now = loop_.now();
  auto& load = backend_->load();
  // How fast a backend fails is not how fast it works.
  if (result.verdict && result.round_trip) {
    const bool is_connect = terms_.check.type == config::HealthCheck::Type::kTcp;
    if (is_connect)
      load.latency.add_connect(*result.round_trip, now);
    else
      load.latency.add(*result.round_trip, now);
  }
  if (result.report) backend_->take_report(*result.report, now);
  const bool could = std::exchange(could_probe_, result.verdict || result.verdict.error().side == Side::kBackend);
  if (result.verdict) return note_verdict(Verdict::kGood, "");
  const Error& error = result.verdict.error();
  if (could_probe_) return note_verdict(Verdict::kBad, error.detail);
  if (could)
    log::warn("probe_not_possible", {pool_of(*backend_), name_of_backend(*backend_), {"reason", error.detail}});
}

void Watch::note_verdict(Verdict verdict, std::string reason) {
  failure_ = std::move(reason);
  thresholds_.note(verdict, terms_.check.rise, terms_.check.fall);
  publish(failure_);
}

// The probes' state, or down where the agent says so.
void Watch::publish(const std::string& reason) {
  const ProbeState before = backend_->probe();
  const ProbeState now = agent_says_down_ ? ProbeState::kDown : thresholds_.state();
  if (now == before) return;
  backend_->set_probe(now);
  if (now == ProbeState::kUp) {
    if (before == ProbeState::kDown || arrival_ == Arrival::kLater)
      backend_->begin_slow_start(loop_.now(), terms_.slow_start);
    arrival_ = Arrival::kLater;
    backend_->forget_failures();
    log::info("backend_up", {pool_of(*backend_), name_of_backend(*backend_)});
  } else if (now == ProbeState::kDown) {
    log::warn("backend_down", {pool_of(*backend_), name_of_backend(*backend_), {"reason", reason}});
    if (on_down_) on_down_();
  } else {
    // The agent has taken its word back before any probe has ended.
    log::info("backend_checking", {pool_of(*backend_), name_of_backend(*backend_)});
  }
  on_change_();
}

void Watch::begin_query() {
  query_ = make_agent_query(loop_);
  query_->start(address_of(*backend_, terms_.check.agent_port), [this](const Result<AgentReport>& result) {
    queries_->end();
    end_query(result);
    query_.reset();  // last, as above
  });
}

// An agent that cannot be asked changes nothing: whether the backend lives is the probes' to say.
void Watch::end_query(const Result<AgentReport>& result) {
  const bool could = agent_failure_.empty();
  agent_failure_ = result ? "" : result.error().detail;
  if (result) {
    if (!could) log::info("agent_answers", {pool_of(*backend_), name_of_backend(*backend_)});
    return take(*result);
  }
  if (could) log::warn("agent_silent", {pool_of(*backend_), name_of_backend(*backend_), {"reason", agent_failure_}});
}

void Watch::take(const AgentReport& report) {
  if (report.ignored > 0) backend_->load().ignored.fetch_add(report.ignored, std::memory_order_relaxed);
  const bool was_open = backend_->open();
  if (report.max_connections) backend_->set_max_connections(*report.max_connections);
  if (report.weight_percent) backend_->set_weight_percent(*report.weight_percent);
  if (report.state && *report.state != backend_->agent_state()) {
    backend_->set_agent_state(*report.state);
    log::info("backend_operator_state", {pool_of(*backend_),
                                         name_of_backend(*backend_),
                                         {"state", balancer::name_of(*report.state)},
                                         {"source", "agent"},
                                         {"reason", report.description}});
    if (*report.state == OperatorState::kDrain && on_agent_drain_) on_agent_drain_();
  }
  if (backend_->open() != was_open) on_change_();
  if (!report.health) return;
  agent_says_down_ = *report.health == AgentReport::Health::kDown;
  agent_words_ = "the agent says down" + (report.description.empty() ? "" : ": " + report.description);
  publish(agent_words_);
}

void Watch::eject() {
  const auto length = ejections_.begin(loop_.now(), terms_.ejection.base_time);
  ejected_ = std::make_unique<Ejected>(*this, length);
  backend_->set_ejected(true);
  log::warn("backend_ejected",
            {pool_of(*backend_),
             name_of_backend(*backend_),
             {"reason", std::to_string(terms_.ejection.failures) + " sessions in a row failed on it"},
             {"duration", config::format_duration(length)}});
  on_change_();
}

void Watch::let_back() {
  ejected_.reset();
  ejections_.end(loop_.now());
  backend_->set_ejected(false);
  backend_->forget_failures();
  backend_->begin_slow_start(loop_.now(), terms_.slow_start);
  log::info("backend_returned", {pool_of(*backend_), name_of_backend(*backend_)});
  on_change_();
}

std::string Watch::obstacle() const {
  if (backend_->leaving()) return "leaving";
  if (backend_->operator_state() != OperatorState::kReady) {
    return std::string(balancer::name_of(backend_->operator_state()));
  }
  if (backend_->weight_percent() == 0) return "the agent says 0%";
  if (backend_->probe() == ProbeState::kDown) return agent_says_down_ ? agent_words_ : failure_;
  if (backend_->probe() == ProbeState::kChecking) return "not checked yet";
  if (ejected_) return "ejected for " + config::format_duration(ejected_->length());
  if (backend_->full()) return "full (max_connections " + std::to_string(backend_->max_connections()) + ")";
  return "";
}

// What Drover itself carries, for backends that report no message_rate.
void Watch::sample_rate() {
  const auto totals = backend_->traffic_totals();
  const std::uint64_t messages = totals.messages_in + totals.messages_out;
  const auto now = loop_.now();
  if (sampled_ && now > *sampled_) {
    const std::chrono::duration<double> elapsed = now - *sampled_;
    backend_->load().own_message_rate.set(static_cast<double>(messages - messages_) / elapsed.count(), now);
  }
  messages_ = messages;
  sampled_ = now;
}

}  // namespace drover::health
