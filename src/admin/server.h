// The admin HTTP server, on a loop that carries no sessions; endpoints.h has what it answers. One request a connection
// and at most kMaxConnections at once, so that slow or hostile clients hold up nobody. One thread: its loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "admin/access.h"
#include "admin/connection.h"
#include "admin/source.h"
#include "base/error.h"
#include "net/acceptor.h"
#include "net/address.h"
#include "net/loop.h"

namespace drover::admin {

class Server {
 public:
  // The one that has been open longest is cut for one more: a client that means it is answered within milliseconds,
  // while in a backlog it would wait for the timeouts of those who hold connections on purpose.
  static constexpr std::size_t kMaxConnections = 64;

  // The loop outlives the server and must run, or be destroyed, after it: what is still closing is freed there.
  Server(net::Loop& loop, Source source, Access access, const Timeouts& timeouts = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // May be called for several addresses. The address that it got: port 0 becomes a real one. Error: kAddress.
  Result<net::Address> listen(const net::Address& address);
  // Those that it listens on.
  std::vector<std::uint16_t> ports() const;
  // For requests that come from now on.
  void set_access(Access access);
  // Closes the listening sockets, once it has accepted what waits there; the connections go on.
  void stop_listening();
  // Whether it has no connection.
  bool idle() const;
  // Closes the listening sockets and cuts every connection.
  void stop();

 private:
  struct Connections;

  net::Loop& loop_;
  // Shared with the connections themselves: their sockets close after the server may be gone.
  std::shared_ptr<Connections> connections_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
};

}  // namespace drover::admin
