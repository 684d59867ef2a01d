// Which context a dial has.
#include "proxy/dial.h"

namespace drover::proxy {

Result<void> dial(net::Transport& transport, net::ByteStream::Handler& handler, const balancer::Backend& backend,
                  const balancer::Pool& pool, const WorkerSnapshot& snapshot) {
  const auto address = net::Address::from_literal(backend.address().host, backend.address().port);
  if (!address) return std::unexpected(address.error());
  const auto* const tls = pool.tls_of(backend);
  if (tls == nullptr) return transport.connect(*address, handler, nullptr);
  const auto context = snapshot.dialler().context_for({tls->verify, tls->ca, tls->crl});
  if (!context) return std::unexpected(context.error());
  const net::TlsTarget target{**context, tls->server_name};
  return transport.connect(*address, handler, &target);
}

}  // namespace drover::proxy
