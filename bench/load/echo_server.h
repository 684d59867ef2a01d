// A WebSocket server that echoes every message to its sender, and on the path /fanout to everybody on that path.
#pragma once

#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "bench/load/echo_stream.h"
#include "http/head_parser.h"
#include "net/acceptor.h"

namespace drover::bench {

class EchoServer {
 public:
  explicit EchoServer(net::Loop& loop);
  // After stop(), and a turn of the loop.
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // May be called several times; the address that it got. Error: kAddress.
  Result<net::Address> listen(const net::Address& address);
  // Ends every connection, and accepts no more.
  void stop();

 private:
  class Connection;

  void accept(int fd);
  void broadcast(Bytes frames);
  void retire(Connection& connection);

  net::Loop& loop_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  IntrusiveList<Connection> connections_;
  IntrusiveList<Connection> fanout_;  // those on that path; a connection is in one of the two
  std::vector<std::uint8_t> scratch_;
};

}  // namespace drover::bench
