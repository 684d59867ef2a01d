// A listening socket of one loop. Every worker has its own on the same address (SO_REUSEPORT), so no listening socket
// is shared between loops. Accepts in bounded turns, and stands still while descriptors are exhausted.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "net/address.h"
#include "net/loop.h"

namespace drover::net {

class Acceptor final : public TimerWheel::Node {
 public:
  // Gets a connected non-blocking socket, which it owns from then on, and its peer.
  using OnAccept = std::function<void(int fd, const Address& peer)>;
  // accept4() failed with this errno; accepting goes on by itself in a moment.
  using OnExhausted = std::function<void(int error_number)>;

  Acceptor(Loop& loop, OnAccept on_accept, OnExhausted on_exhausted);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Binds and listens. With port 0, address() says which it became. Error: kAddress, with the reason.
  Result<void> listen(const Address& address);
  const Address& address() const { return address_; }
  // Leaves connections in the kernel's backlog for a moment, then goes on by itself; for limits.
  void hold_off();
  // Accepts what waits already, then closes the socket.
  void stop();

 private:
  enum class Burst : std::uint8_t { kTurn, kAll };
  void accept(Burst burst) noexcept;
  void on_deadline() noexcept override;
  void close_socket();

  Loop& loop_;
  OnAccept on_accept_;
  OnExhausted on_exhausted_;
  uv_poll_t* poll_ = nullptr;  // closed, then deleted by its close callback
  int fd_ = -1;
  Address address_;
};

}  // namespace drover::net
