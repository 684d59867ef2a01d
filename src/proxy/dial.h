// The connection to a backend, as its pool has it: plain, or TLS by what the pool says of whom to believe.
#pragma once

#include "balancer/pool.h"
#include "net/transport.h"
#include "proxy/worker_snapshot.h"

namespace drover::proxy {

// `backend` is one of `pool`, which is one of `snapshot`. `handler` hears on_connected() unless this fails; errors are
// those of Transport::connect() and TlsDialler::context_for().
Result<void> dial(net::Transport& transport, net::ByteStream::Handler& handler, const balancer::Backend& backend,
                  const balancer::Pool& pool, const WorkerSnapshot& snapshot);

}  // namespace drover::proxy
