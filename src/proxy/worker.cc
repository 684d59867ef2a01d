// Accepting, retiring, and what other threads ask for.
#include "proxy/worker.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "proxy/handshake.h"

namespace drover::proxy {

namespace {

constexpr Milliseconds kForwardingLogInterval{60'000};
constexpr Milliseconds kExhaustionLogInterval{1'000};

}  // namespace

Worker::Worker(unsigned index, Admission& admission, observe::PoolCounters& no_pool,
               std::shared_ptr<const Snapshot> snapshot, OnFailing on_failing)
    : index_(index),
      admission_(admission),
      snapshot_(std::make_shared<const WorkerSnapshot>(std::move(snapshot), index, nullptr)),
      on_failing_(std::move(on_failing)),
      no_pool_(no_pool) {
  const MonotonicTime long_ago = loop_.now() - kForwardingLogInterval;
  forwarding_logged_ = exhaustion_logged_ = long_ago;
}

Worker::~Worker() {
  assert(sessions_.empty());
}

void Worker::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("drover/" + std::to_string(index_)).c_str());
    loop_.run();
    const Histogram& lag = loop_.lag();
    log::debug("worker_stopped", {{"worker", index_},
                                  {"loop_lag_p50_us", lag.quantile(0.5).count()},
                                  {"loop_lag_p99_us", lag.quantile(0.99).count()},
                                  {"loop_lag_max_us", lag.quantile(1).count()},
                                  {"samples", lag.count()}});
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
  acceptors_.clear();
}

void Worker::open(ListenerNumber number, net::ListeningSocket socket, std::shared_ptr<const Listener> listener) {
  const auto held = std::make_shared<net::ListeningSocket>(std::move(socket));
  loop_.post(
      [this, number, held, listener = std::move(listener)] { begin_listening(number, std::move(*held), listener); });
}

void Worker::begin_listening(ListenerNumber number, net::ListeningSocket socket,
                             std::shared_ptr<const Listener> listener) {
  if (phase_ != Phase::kServing) return;
  const std::string address = socket.address().text();
  auto entrance = std::make_unique<Entrance>(
      loop_, number, std::move(listener),
      net::Acceptor::Callbacks{
          .may_accept = [this] { return admission_.may_accept(); },
          .on_accept = [this, number](int fd, const net::Address& peer) { accept(fd, peer, find(number)->listener()); },
          .on_exhausted =
              [this](int error_number) { note_exhausted(std::string("accept: ") + std::strerror(error_number)); }});
  if (const auto opened = entrance->open(std::move(socket)); !opened) {
    return log::error("listener_lost", {{"address", address}, {"worker", index_}, {"reason", opened.error().detail}});
  }
  acceptors_.push_back(std::move(entrance));
}

Entrance* Worker::find(ListenerNumber number) {
  const auto found = std::ranges::find_if(acceptors_, [&](const auto& one) { return one->number() == number; });
  return found == acceptors_.end() ? nullptr : found->get();
}

void Worker::change(ListenerNumber number, std::shared_ptr<const Listener> listener) {
  loop_.post([this, number, listener = std::move(listener)] {
    auto* const entrance = find(number);
    if (entrance == nullptr) return;
    entrance->set_listener(listener);
    entrance->welcome_newcomers();
  });
}

void Worker::refuse_newcomers(ListenerNumber number) {
  loop_.post([this, number] {
    auto* const entrance = phase_ == Phase::kServing ? find(number) : nullptr;
    if (entrance == nullptr || entrance->refuse_newcomers()) return;
    log::warn("listener_filter_refused", {{"worker", index_}, {"reason", std::strerror(errno)}});
  });
}

void Worker::close(ListenerNumber number) {
  loop_.post([this, number] {
    auto* const entrance = find(number);
    if (entrance == nullptr) return;
    entrance->stop();
    std::erase_if(acceptors_, [&](const auto& one) { return one.get() == entrance; });
  });
}

void Worker::accept(int fd, const net::Address& peer, const std::shared_ptr<const Listener>& listener) {
  const auto verdict = admission_.enter();
  counters_.accepted.add(1);
  Session* session = slab_.make(*this, next_number_++, peer);
  sessions_.push_back(*session);
  session->start(fd, verdict, listener);
}

void Worker::retire(Session& session) noexcept {
  sessions_.remove(session);
  slab_.destroy(&session);
  admission_.leave();
  leave_if_empty();
}

void Worker::note_ignored_forwarding(const net::Address& peer) {
  counters_.ignored_forwarding.add(1);
  if (loop_.now() - forwarding_logged_ < kForwardingLogInterval) return;
  forwarding_logged_ = loop_.now();
  log::warn("forwarding_headers_ignored", {{"peer", peer.ip_text()},
                                           {"total", counters_.ignored_forwarding.read()},
                                           {"hint", "add it to trusted_proxies if it is a proxy of yours"}});
}

void Worker::note_exhausted(std::string_view what) {
  counters_.exhausted.add(1);
  if (loop_.now() - exhaustion_logged_ < kExhaustionLogInterval) return;
  exhaustion_logged_ = loop_.now();
  log::error("resources_exhausted",
             {{"reason", what}, {"connections", admission_.active()}, {"total", counters_.exhausted.read()}});
}

void Worker::adopt(std::shared_ptr<const Snapshot> snapshot) {
  loop_.post([this, next = std::move(snapshot)]() mutable {
    snapshot_ = std::make_shared<const WorkerSnapshot>(std::move(next), index_, snapshot_.get());
  });
}

void Worker::carry_out(std::shared_ptr<migration::Drain> drain) {
  loop_.post([this, plan = std::move(drain)]() mutable {
    if (phase_ == Phase::kServing) begin_run(std::move(plan));
  });
}

void Worker::begin_run(std::shared_ptr<migration::Drain> drain) {
  runs_.push_back(std::make_unique<DrainRun>(*this, std::move(drain)));
  runs_.back()->start();
}

void Worker::end_run(const DrainRun& run) {
  std::erase_if(runs_, [&](const auto& each) { return each.get() == &run; });
}

void Worker::rescue_from(std::shared_ptr<balancer::Backend> backend) {
  // All of them: those that a drain is about to move are in lists of its own.
  loop_.post([this, lost = std::move(backend)] {
    for (WalkableList<Session>::Walk walk(sessions_); !walk.at_end();) {
      Session& session = walk.step();
      if (session.is_on(*lost)) session.lose_backend();
    }
  });
}

void Worker::count_for(std::shared_ptr<const migration::Drain> drain, std::function<void(DrainRun::Census)> done) {
  loop_.post([this, plan = std::move(drain), done = std::move(done)] { done(DrainRun::count(*this, *plan)); });
}

void Worker::shut_down(std::shared_ptr<migration::Drain> drain, std::function<void()> on_empty) {
  loop_.post([this, plan = std::move(drain), done = std::move(on_empty)]() mutable {
    phase_ = Phase::kShuttingDown;
    on_empty_ = std::move(done);
    for (auto& acceptor : acceptors_) acceptor->stop();  // what waits in the backlog is served, then drained
    runs_.clear();
    begin_run(std::move(plan));
    leave_if_empty();
  });
}

void Worker::visit_sessions(std::uint64_t from, SessionVisits::Visit visit, std::function<void()> done) {
  loop_.post([this, from, visit = std::move(visit), done = std::move(done)]() mutable {
    SessionVisits::begin(loop_, sessions_, from, std::move(visit), std::move(done));
  });
}

void Worker::stop() {
  loop_.post([this] {
    phase_ = Phase::kStopping;
    runs_.clear();
    for (auto& acceptor : acceptors_) acceptor->stop();
    for (WalkableList<Session>::Walk walk(sessions_); !walk.at_end();) {
      Session& session = walk.step();
      session.note_end(observe::Initiator::kDrover, observe::Why::kShutdown);
      session.finish();
    }
    leave_if_empty();
  });
}

void Worker::leave_if_empty() {
  if (phase_ == Phase::kServing || !sessions_.empty()) return;
  if (phase_ == Phase::kStopping) return loop_.stop();
  if (on_empty_) std::exchange(on_empty_, nullptr)();
}

}  // namespace drover::proxy
