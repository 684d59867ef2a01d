// Accepting, retiring, and the drain at shutdown.
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
  loop_.wheel().disarm(*this);
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

void Worker::drain(DrainOrder order, std::function<void()> on_empty) {
  loop_.post([this, order, done = std::move(on_empty)]() mutable { begin_drain(order, std::move(done)); });
}

void Worker::begin_drain(DrainOrder order, std::function<void()> on_empty) {
  phase_ = Phase::kDraining;
  drain_ = order;
  drain_started_ = loop_.now();
  // A pace that cannot meet the deadline would end in everybody at once: the deadline sets the least.
  const std::chrono::duration<double> left = order.deadline - drain_started_;
  if (left.count() > 0) drain_.pace = std::max(order.pace, static_cast<double>(slab_.size()) / left.count());
  on_empty_ = std::move(on_empty);
  for (auto& acceptor : acceptors_) acceptor->stop();  // what waits in the backlog is served, then drained
  on_deadline();
}

// A tick of the drain: as many sessions are told as the pace allows by now.
void Worker::on_deadline() noexcept {
  if (phase_ != Phase::kDraining) return;
  tell_sessions_due();
  leave_if_empty();
  if (on_empty_) loop_.arm(*this, loop_.now() + net::TimerWheel::kTick);
}

// Those that were in their handshake are asked again once all others have been told.
void Worker::tell_sessions_due() {
  const std::chrono::duration<double> elapsed = loop_.now() - drain_started_;
  const bool overdue = loop_.now() >= drain_.deadline;
  // The first slot is now, not one interval from now.
  const auto due = static_cast<std::uint64_t>(elapsed.count() * drain_.pace) + 1;
  if (!drain_walk_) drain_walk_.emplace(sessions_);
  while (!drain_walk_->at_end() && (overdue || drain_told_ < due)) {
    if (drain_walk_->step().shut_down() == Session::Told::kGoes) ++drain_told_;
  }
  if (drain_walk_->at_end()) drain_walk_.reset();
}

void Worker::visit_sessions(std::uint64_t from, SessionVisits::Visit visit, std::function<void()> done) {
  loop_.post([this, from, visit = std::move(visit), done = std::move(done)]() mutable {
    SessionVisits::begin(loop_, sessions_, from, std::move(visit), std::move(done));
  });
}

void Worker::stop() {
  loop_.post([this] {
    phase_ = Phase::kStopping;
    loop_.wheel().disarm(*this);
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
  loop_.wheel().disarm(*this);
  if (on_empty_) std::exchange(on_empty_, nullptr)();
}

}  // namespace drover::proxy
