// The loop counts the handshakes: those towards backends are what a client's are to Drover.
#include "bench/load/encryption.h"

namespace drover::bench {

std::string objection_to(const Handshakes& handshakes, const LoadOptions& options) {
  const std::string of_all = " of " + std::to_string(handshakes.full + handshakes.resumed) + " handshakes ";
  if (options.tls == Tls::kFull) {
    if (handshakes.resumed > 0) return std::to_string(handshakes.resumed) + of_all + "resumed a session: none was to";
    return handshakes.full > 0 ? "" : "no TLS handshake came to its end";
  }
  if (handshakes.full > options.sessions) {
    return std::to_string(handshakes.full) + of_all + "were full: only the first of each client was to be";
  }
  return handshakes.resumed > 0 ? "" : "no TLS session was resumed";
}

Result<Encryption> Encryption::make(const net::Loop& loop, Tls tls) {
  using Resumption = net::TlsClientContext::Resumption;
  auto context =
      net::TlsClientContext::make(nullptr, tls == Tls::kResumed ? Resumption::kLastSession : Resumption::kNone);
  if (!context) return std::unexpected(context.error());
  return Encryption(loop, *std::move(context));
}

Handshakes Encryption::handshakes() const {
  return {.full = full(), .resumed = loop_->tls_counts().backends.resumed.read(), .agreed = agreed_};
}

}  // namespace drover::bench
