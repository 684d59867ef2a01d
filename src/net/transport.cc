// Which stream is on top.
#include "net/transport.h"

namespace drover::net {

Result<void> Transport::open(int fd, ByteStream::Handler& handler, const TlsServerContext* tls) {
  tls_.reset();
  if (tls != nullptr)
    tls_ = std::make_unique<TlsStream>(tcp_.loop(), tcp_, tls->new_connection(), TlsStream::Role::kServer);
  stream().set_handler(handler);
  return tcp_.open(fd);
}

Result<void> Transport::connect(const Address& address, ByteStream::Handler& handler, const TlsTarget* tls) {
  tls_.reset();
  if (tls != nullptr) {
    tls_ = std::make_unique<TlsStream>(tcp_.loop(), tcp_, tls->context.new_connection(tls->server_name, address),
                                       TlsStream::Role::kClient);
  }
  stream().set_handler(handler);
  return tcp_.connect(address);
}

}  // namespace drover::net
