// TLS of a load run: what its connections share, what they agreed on with the server, and whether their handshakes were
// those that were asked for. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "bench/load/load_options.h"
#include "net/loop.h"
#include "net/transport.h"

namespace drover::bench {

struct Handshakes {
  std::uint64_t full = 0;
  std::uint64_t resumed = 0;
  std::set<std::string> agreed;  // protocol, cipher and group of each connection
};

// What is wrong with those of a whole run; empty: nothing. Where sessions are to be resumed, each client's first
// handshake is full, and no other.
std::string objection_to(const Handshakes& handshakes, const LoadOptions& options);

class Encryption {
 public:
  // `loop` is that of the connections, and outlives it. `tls` is not kNone. Error: kOwnResources.
  static Result<Encryption> make(const net::Loop& loop, Tls tls);

  const net::TlsClientContext& context() const { return context_; }
  // A connection whose handshake is over.
  void note(const net::TlsStream& stream) { agreed_.insert(stream.agreed()); }
  // Full handshakes that are over.
  std::uint64_t full() const { return loop_->tls_counts().backends.full.read(); }
  // All that are over.
  Handshakes handshakes() const;

 private:
  Encryption(const net::Loop& loop, net::TlsClientContext context) : loop_(&loop), context_(std::move(context)) {}

  const net::Loop* loop_;
  net::TlsClientContext context_;
  std::set<std::string> agreed_;
};

}  // namespace drover::bench
