// The connection to a backend, as its pool has it: plain, or TLS by what the pool says of whom to believe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "balancer/pool.h"
#include "http/head.h"
#include "net/transport.h"
#include "proxy/worker_snapshot.h"

namespace drover::proxy {

class Worker;

// `backend` is one of `pool`, which is one of `snapshot`. `handler` hears on_connected() unless this fails; errors are
// those of Transport::connect() and TlsDialler::context_for().
Result<void> dial(net::Transport& transport, net::ByteStream::Handler& handler, const balancer::Backend& backend,
                  const balancer::Pool& pool, const WorkerSnapshot& snapshot);

// What an answer tells of the backend: the time that it took, where it worked, and how busy the backend says it is.
void note_answer(balancer::Backend& backend, const http::ResponseHead& head, std::chrono::steady_clock::duration taken,
                 MonotonicTime now);

// An attempt failed by the backend's fault. Every time that `most` sessions in a row have (0: never), the supervisor is
// asked to eject it.
void blame(const std::shared_ptr<balancer::Backend>& backend, unsigned most, const Worker& worker);

// 32 hex digits: the key of a connection in the messages of handoffs.
std::string fresh_handoff_key();

}  // namespace drover::proxy
