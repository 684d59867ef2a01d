// Everything that ends a connection goes through Loop::defer(), whose order makes the memory go last.
#include "health/connection.h"

namespace drover::health {

Connection::Handle Connection::open(net::Loop& loop, const net::Address& address, const net::TlsTarget* tls,
                                    Owner& owner) {
  Handle connection(new Connection(loop, owner));
  connection->connect(address, tls);
  return connection;
}

void Connection::connect(const net::Address& address, const net::TlsTarget* tls) {
  const auto connecting = transport_.connect(address, *this, tls);
  if (connecting) return;
  loop_.defer([this, error = connecting.error()] {
    if (owner_ != nullptr) owner_->on_unreachable(error);
  });
}

void Connection::let_go() {
  owner_ = nullptr;
  transport_.stream().close_in_order();
  loop_.defer([this] { delete this; });  // behind the stream's on_closed(), and behind a failure that was not told yet
}

void Connection::on_connected(net::ByteStream& stream, Result<void> result) noexcept {
  if (!result) return owner_->on_unreachable(result.error());
  owner_->on_open();
  if (owner_ != nullptr) stream.start_reading();
}

void Connection::on_read(net::ByteStream& /*stream*/, Bytes bytes) noexcept {
  owner_->on_bytes(bytes);
}

void Connection::on_read_end(net::ByteStream& /*stream*/, net::ReadEnd end) noexcept {
  owner_->on_end(end);
}

}  // namespace drover::health
