// A WebSocket server that echoes every message to its sender, and on the path /fanout to everybody on that path. Where
// it is asked to it takes part in handoffs (docs/migration.md, the contract's version 1).
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
  // Whether it takes part; only where the request of a connection offers it.
  enum class Handoffs : std::uint8_t { kNever, kWhereOffered };
  explicit EchoServer(net::Loop& loop, Handoffs handoffs = Handoffs::kNever);
  // After stop(), and a turn of the loop.
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  // May be called several times; the address that it got. Error: kAddress.
  Result<net::Address> listen(const net::Address& address);
  // Ends every connection, and accepts no more.
  void stop();

  // The sessions that it got from another backend.
  struct Entered {
    std::uint64_t count = 0;
    std::uint64_t last_at = 0;    // nanoseconds of the monotonic clock; 0: none
    std::uint64_t stateless = 0;  // those of them whose state was lost
  };
  const Entered& entered() const { return entered_; }

 private:
  class Connection;

  void accept(int fd);
  void broadcast(Bytes frames);
  void retire(Connection& connection);

  net::Loop& loop_;
  const Handoffs handoffs_;
  Entered entered_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  IntrusiveList<Connection> connections_;
  IntrusiveList<Connection> fanout_;  // those on that path; a connection is in one of the two
  std::vector<std::uint8_t> scratch_;
};

}  // namespace drover::bench
