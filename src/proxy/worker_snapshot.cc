// Each policy gets a seed of its own: two workers, or two Drovers, must not draw the same backends.
#include "proxy/worker_snapshot.h"

#include "base/random.h"

namespace drover::proxy {

WorkerSnapshot::WorkerSnapshot(std::shared_ptr<const Snapshot> snapshot, unsigned worker, const WorkerSnapshot* before)
    : snapshot_(std::move(snapshot)) {
  policies_.reserve(snapshot_->pools.size());
  for (const auto& pool : snapshot_->pools) {
    std::uint64_t seed = 0;
    fill_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof(seed)});
    policies_.push_back(pool->make_policy(worker, seed));
  }
  counters_.reserve(snapshot_->ledgers.size());
  for (auto* ledger : snapshot_->ledgers) counters_.push_back(&ledger->of_worker(worker));
  const bool believes_the_same = before != nullptr && before->dialler_->trusts() == snapshot_->tls_trusts;
  dialler_ = believes_the_same ? before->dialler_ : std::make_shared<net::TlsDialler>(snapshot_->tls_trusts);
}

}  // namespace drover::proxy
