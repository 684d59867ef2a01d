// The connection of one probe or agent query. Whoever owns it may let go at any moment, in its callbacks too: the
// socket is closed at once, and the memory goes at the end of the loop's turn, when the stream is done with it.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "net/address.h"
#include "net/byte_stream.h"
#include "net/loop.h"
#include "net/transport.h"

namespace drover::health {

class Connection final : net::ByteStream::Handler {
 public:
  // All of it comes from the loop, never from within open(). An owner may let go, and be gone, in each of them.
  class Owner {
   public:
    virtual void on_open() noexcept = 0;
    // Instead of on_open(). Errors of ByteStream::Handler::on_connected().
    virtual void on_unreachable(const Error& error) noexcept = 0;
    // `bytes` is gone when it returns.
    virtual void on_bytes(Bytes bytes) noexcept = 0;
    // No bytes come after it.
    virtual void on_end(net::ReadEnd end) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  struct LetGo {
    void operator()(Connection* connection) const noexcept { connection->let_go(); }
  };
  using Handle = std::unique_ptr<Connection, LetGo>;

  // Nothing is called once the handle has been reset. `tls` null: plain; else on_open() comes after its handshake.
  static Handle open(net::Loop& loop, const net::Address& address, const net::TlsTarget* tls, Owner& owner);

  void write(Bytes bytes) {
    if (!bytes.empty()) transport_.stream().write(bytes);
  }
  // And our FIN behind it.
  void write_last(Bytes bytes) { transport_.stream().write_last(bytes); }

 private:
  Connection(net::Loop& loop, Owner& owner) : loop_(loop), owner_(&owner), transport_(loop) {}
  ~Connection() = default;
  void connect(const net::Address& address, const net::TlsTarget* tls);
  void let_go();

  void on_connected(net::ByteStream& stream, Result<void> result) noexcept override;
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  // A failed write ends the reading too, and that is told.
  void on_written(net::ByteStream&) noexcept override {}
  void on_closed(net::ByteStream&) noexcept override {}

  net::Loop& loop_;
  Owner* owner_;  // null: it has let go
  net::Transport transport_;
};

}  // namespace drover::health
