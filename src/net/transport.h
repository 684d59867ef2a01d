// A connection of ours or to us: TCP, with TLS over it where that is asked for. Serves one connection after the other.
#pragma once

#include <memory>
#include <string>

#include "net/tcp_stream.h"
#include "net/tls_context.h"
#include "net/tls_stream.h"

namespace drover::net {

// How TLS towards a server goes: see TlsClientContext::new_connection().
struct TlsTarget {
  const TlsClientContext& context;
  const std::string& server_name;
};

class Transport {
 public:
  explicit Transport(Loop& loop) : tcp_(loop) {}
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Only where it is not in use; errors and what follows them are those of TcpStream. `tls` null: plain.
  Result<void> open(int fd, ByteStream::Handler& handler, const TlsServerContext* tls);
  Result<void> connect(const Address& address, ByteStream::Handler& handler, const TlsTarget* tls);
  bool in_use() const { return tcp_.in_use(); }

  // The one to read and write; the same from open() or connect() until on_closed().
  ByteStream& stream() { return tls_ == nullptr ? static_cast<ByteStream&>(tcp_) : *tls_; }
  const ByteStream& stream() const { return tls_ == nullptr ? static_cast<const ByteStream&>(tcp_) : *tls_; }
  const TlsStream* tls() const { return tls_.get(); }  // null: plain

 private:
  TcpStream tcp_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace drover::net
