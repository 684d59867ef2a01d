// A listening socket of a worker together with what its connections have in common. One thread, the worker's.
#pragma once

#include <memory>
#include <utility>

#include "net/acceptor.h"
#include "proxy/listener.h"

namespace drover::proxy {

class Entrance {
 public:
  Entrance(net::Loop& loop, ListenerNumber number, std::shared_ptr<const Listener> listener,
           net::Acceptor::Callbacks callbacks)
      : number_(number), listener_(std::move(listener)), acceptor_(loop, std::move(callbacks)) {}

  // Errors of Acceptor::adopt().
  Result<void> open(net::ListeningSocket socket) { return acceptor_.adopt(std::move(socket)); }
  ListenerNumber number() const { return number_; }
  const std::shared_ptr<const Listener>& listener() const { return listener_; }
  // For connections that are accepted from now on.
  void set_listener(std::shared_ptr<const Listener> listener) { listener_ = std::move(listener); }
  // See net::ListeningSocket.
  bool refuse_newcomers() { return acceptor_.refuse_newcomers(); }
  void welcome_newcomers() { acceptor_.welcome_newcomers(); }
  // Accepts what waits already, then closes the socket.
  void stop() { acceptor_.stop(); }

 private:
  const ListenerNumber number_;
  std::shared_ptr<const Listener> listener_;
  net::Acceptor acceptor_;
};

}  // namespace drover::proxy
