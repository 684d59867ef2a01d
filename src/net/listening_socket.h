// A TCP socket that listens, before and while an Acceptor has it: bound on one thread, it may be accepted from on
// another. With SO_REUSEPORT, so that every worker has one of its own on the same address.
#pragma once

#include "base/error.h"
#include "net/address.h"

namespace drover::net {

class ListeningSocket {
 public:
  // Binds and listens. With port 0, address() says which it became. Error: kAddress, with the reason.
  static Result<ListeningSocket> open(const Address& address);
  ListeningSocket() = default;  // none
  ~ListeningSocket();
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int fd() const { return fd_; }
  const Address& address() const { return address_; }

  // From now on nobody new: the kernel drops every SYN, so that a client tries again later instead of being refused.
  // Connections whose SYN has come go on with their handshakes and may still be accepted. A socket that is closed after
  // that has reset nobody. False: the kernel does not want it.
  bool refuse_newcomers();
  void welcome_newcomers();

 private:
  ListeningSocket(int fd, const Address& address) : fd_(fd), address_(address) {}

  int fd_ = -1;
  Address address_;
};

}  // namespace drover::net
