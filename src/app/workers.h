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
  // Stops accepting and closes the sessions at `pace` a second in all, each told by `told_by`. `on_empty` is called
  // once, on the thread of the worker that was the last to have none.
  void drain(MonotonicTime told_by, double pace, const std::function<void()>& on_empty);
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
