// Accepts from a listening socket of one loop. Every worker has its own on the same address (SO_REUSEPORT), so none is
// shared between loops. Accepts in bounded turns, and stands still while descriptors are exhausted.
#pragma once

#include <functional>
#include <memory>

#include "net/address.h"
#include "net/listening_socket.h"
#include "net/loop.h"
#include "net/poller.h"

namespace drover::net {

class Acceptor final : public TimerWheel::Node, Poller::Source {
 public:
  struct Callbacks {
    // Asked before each accept; false leaves connections in the kernel's backlog for a moment.
    std::function<bool()> may_accept;
    // Gets a connected non-blocking socket, which it owns from then on, and its peer. May stop the acceptor, but not
    // destroy it.
    std::function<void(int fd, const Address& peer)> on_accept;
    // accept4() failed with this errno (EMFILE, …); accepting goes on by itself in a moment.
    std::function<void(int error_number)> on_exhausted;
  };

  Acceptor(Loop& loop, Callbacks callbacks);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Accepts from a socket that was opened elsewhere. Error: kOwnResources; the socket is closed.
  Result<void> adopt(ListeningSocket socket);
  // Opens one first. Errors of ListeningSocket::open() too.
  Result<void> listen(const Address& address);
  const Address& address() const { return socket_.address(); }
  // See ListeningSocket; while it has one.
  bool refuse_newcomers() { return socket_.refuse_newcomers(); }
  void welcome_newcomers() { socket_.welcome_newcomers(); }
  // Accepts what waits already, then closes the socket.
  void stop();

 private:
  enum class Burst : std::uint8_t { kTurn, kAll };
  void accept(Burst burst) noexcept;
  void hold_off();
  void on_ready(std::uint32_t events) noexcept override;
  void on_deadline() noexcept override;
  void close_socket();

  Loop& loop_;
  Callbacks callbacks_;
  ListeningSocket socket_;
};

}  // namespace drover::net
