// All workers of the process as one: what the supervisor asks of each of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proxy/worker.h"

namespace drover::app {

class Workers {
 public:
  // `admission` and `ledger` outlive it.
  Workers(unsigned count, proxy::Admission& admission, observe::Ledger& ledger,
          const std::shared_ptr<const proxy::Snapshot>& snapshot, const proxy::Worker::OnFailing& on_failing);
  ~Workers();  // stops them first
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start();

  // Handshakes that begin from now on go by `snapshot`.
  void adopt(const std::shared_ptr<const proxy::Snapshot>& snapshot);
  // Their sessions go as the plan says, until that is over.
  void carry_out(const std::shared_ptr<migration::Drain>& drain);
  // It is down, and its sessions are treated as if they had lost it.
  void rescue_from(const std::shared_ptr<balancer::Backend>& backend);
  // Stops accepting; all sessions go as the plan says. `on_empty` is called once, on the thread of the worker that was
  // the last to have none.
  void shut_down(const std::shared_ptr<migration::Drain>& drain, const std::function<void()>& on_empty);
  // How many sessions the plan would notify and close. `done` is called once, on some worker's thread.
  void count_for(const std::shared_ptr<const migration::Drain>& drain,
                 const std::function<void(proxy::DrainRun::Census)>& done);
  // Ends every session and joins the threads. Nothing where they do not run.
  void stop();

  unsigned count() const { return static_cast<unsigned>(workers_.size()); }
  proxy::Worker& worker(unsigned index) { return *workers_[index]; }
  const proxy::Worker& worker(unsigned index) const { return *workers_[index]; }

 private:
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::size_t started_ = 0;  // how many have a thread
};

}  // namespace drover::app
