// What the connections that one listener of a worker accepts have in common. Immutable: where a reload changes it, the
// worker gets another one, and handshakes that are under way keep theirs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/answer.h"
#include "net/tls_context.h"

namespace drover::proxy {

struct Listener {
  std::uint16_t port = 0;
  std::string health_path;                   // where it tells whether Drover is ready; empty: nowhere
  std::shared_ptr<const http::Page> page;    // what a GET of '/' gets; null: what any ordinary request gets
  std::optional<net::TlsServerContext> tls;  // this worker's own; none: plain
};

// Names a listening socket of a worker: the same number on all workers, never used twice.
using ListenerNumber = std::uint64_t;

}  // namespace drover::proxy
