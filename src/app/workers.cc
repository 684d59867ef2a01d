// Loops over workers.
#include "app/workers.h"

#include <atomic>
#include <span>

namespace drover::app {

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

void Workers::carry_out(const std::shared_ptr<migration::Drain>& drain) {
  for (auto& worker : workers_) worker->carry_out(drain);
}

void Workers::rescue_from(const std::shared_ptr<balancer::Backend>& backend) {
  for (auto& worker : workers_) worker->rescue_from(backend);
}

void Workers::shut_down(const std::shared_ptr<migration::Drain>& drain, const std::function<void()>& on_empty) {
  const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  for (auto& worker : workers_) {
    worker->shut_down(drain, [left, on_empty] {
      if (left->fetch_sub(1) == 1) on_empty();
    });
  }
}

void Workers::count_for(const std::shared_ptr<const migration::Drain>& drain,
                        const std::function<void(proxy::DrainRun::Census)>& done) {
  struct Sum {
    std::atomic<std::uint64_t> handed_off, notified, closed;
    std::atomic<std::size_t> workers;
  };
  const auto sum = std::make_shared<Sum>();
  sum->workers = workers_.size();
  for (auto& worker : workers_) {
    worker->count_for(drain, [sum, done](proxy::DrainRun::Census census) {
      sum->handed_off += census.handed_off;
      sum->notified += census.notified;
      sum->closed += census.closed;
      if (sum->workers.fetch_sub(1) != 1) return;
      done({.handed_off = sum->handed_off, .notified = sum->notified, .closed = sum->closed});
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
