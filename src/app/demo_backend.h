// One of the demo's backends: its port and its connections. It can die, and comes back by itself. One thread, the
// loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/demo_connection.h"
#include "app/demo_room.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/acceptor.h"
#include "net/address.h"
#include "net/loop.h"

namespace drover::app {

class DemoBackend final : net::TimerWheel::Node {
 public:
  // Loop and room outlive it. `on_empty` is called when the last connection is gone after stop().
  DemoBackend(net::Loop& loop, std::string name, DemoRoom& room, std::function<void()> on_empty);
  ~DemoBackend();
  DemoBackend(const DemoBackend&) = delete;
  DemoBackend& operator=(const DemoBackend&) = delete;

  // On a free loopback port. Error: kAddress.
  Result<void> listen();
  const std::string& name() const { return name_; }
  const net::Address& address() const { return address_; }
  bool listens() const { return acceptor_ != nullptr; }

  // Cuts all connections, and listens on the same port again once `absence` has passed. Not from within a connection's
  // or the acceptor's call.
  void kill(Milliseconds absence);
  // For good; likewise.
  void stop();
  bool empty() const { return connections_.empty(); }

 private:
  void accept(int fd);
  void close_all();
  void on_deadline() noexcept override;

  net::Loop& loop_;
  const std::string name_;
  DemoRoom& room_;
  const std::function<void()> on_empty_;
  net::Address address_;
  std::unique_ptr<net::Acceptor> acceptor_;
  std::vector<std::unique_ptr<DemoConnection>> connections_;  // those that are closing included
};

}  // namespace drover::app
