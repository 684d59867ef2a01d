// Loops over workers.
#include "app/workers.h"

#include <atomic>
#include <span>

#include "app/closing_pace.h"

namespace drover::app {

namespace {

// The counters are read one after the other while the worker goes on: a session may end in between.
std::uint64_t sessions_of(const proxy::Worker& worker) {
  const auto ended = worker.counters().ended.read();
  const auto accepted = worker.counters().accepted.read();
  return accepted > ended ? accepted - ended : 0;
}

}  // namespace

Workers::Workers(unsigned count, proxy::Admission& admission, observe::Ledger& ledger,
                 const std::shared_ptr<const proxy::Snapshot>& snapshot, const proxy::Worker::OnFailing& on_failing) {
  for (unsigned index = 0; index < count; ++index) {
    workers_.push_back(
        std::make_unique<proxy::Worker>(index, admission, ledger.no_pool().of_worker(index), snapshot, on_failing));
  }
}

Workers::~Workers() {
  stop();
}

void Workers::start() {
  for (auto& worker : workers_) {
    worker->start();
    ++started_;
  }
}

void Workers::adopt(const std::shared_ptr<const proxy::Snapshot>& snapshot) {
  for (auto& worker : workers_) worker->adopt(snapshot);
}

void Workers::drain(MonotonicTime told_by, double pace, const std::function<void()>& on_empty) {
  std::vector<std::uint64_t> sessions;
  sessions.reserve(workers_.size());
  for (const auto& worker : workers_) sessions.push_back(sessions_of(*worker));
  const auto shares = shares_of(pace, sessions);
  const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (std::size_t index = 0; index < workers_.size(); ++index) {
    workers_[index]->drain({.deadline = told_by, .pace = shares[index]}, [left, on_empty] {
      if (left->fetch_sub(1) == 1) on_empty();
    });
  }
}

void Workers::stop() {
  const auto running = std::span(workers_).first(started_);
  started_ = 0;
  for (auto& worker : running) worker->stop();
  for (auto& worker : running) worker->join();
}

}  // namespace drover::app
