// One connection: the request's head, then the echo. Both heads go through Drover's own parser: what is measured is the
// proxy between, not this.
#include "bench/load/echo_server.h"

#include <cassert>
#include <string>

#include "net/tcp_stream.h"
#include "websocket/handshake.h"

namespace drover::bench {

namespace {

constexpr std::size_t kMostQueued = 1 << 20;  // bytes, for a client that does not read

}  // namespace

class EchoServer::Connection final : public ListNode, net::ByteStream::Handler {
 public:
  Connection(EchoServer& server, net::Loop& loop) : server_(server), stream_(loop) { stream_.set_handler(*this); }

  void start(int fd) {
    if (stream_.open(fd)) return stream_.start_reading();
    if (!stream_.in_use()) server_.retire(*this);  // else on_closed() follows
  }
  void send(Bytes bytes) {
    stream_.write(bytes);
    if (stream_.queued() > kMostQueued) stream_.pause(net::PauseReason::kPeerSlow);
  }
  void close() { stream_.close(); }

 private:
  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream&, Bytes bytes) noexcept override {
    if (parser_ == nullptr) return echo(bytes);
    const auto fed = parser_->feed(bytes);
    if (!fed) return stream_.close();
    if (!fed->complete) return;
    if (!upgrade()) return stream_.close();
    parser_ = nullptr;
    echo(bytes.subspan(fed->consumed));
  }
  void on_read_end(net::ByteStream&, net::ReadEnd) noexcept override { stream_.close(); }
  void on_written(net::ByteStream&) noexcept override {
    if (stream_.queued() <= kMostQueued / 2) stream_.resume(net::PauseReason::kPeerSlow);
  }
  void on_closed(net::ByteStream&) noexcept override { server_.retire(*this); }

  // Answers the request; false where it is no WebSocket's.
  bool upgrade() {
    const auto key = parser_->head().find("sec-websocket-key");
    if (!key) return false;
    if (parser_->head().path() == "/fanout") {
      server_.fanout_.push_back(*this);
      waiting_ = std::make_unique<std::vector<std::uint8_t>>();
    }
    stream_.write(
        as_bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: " +
                 websocket::accept_of(*key) + "\r\n\r\n"));
    return true;
  }

  void echo(Bytes bytes) {
    auto& out = waiting_ != nullptr ? *waiting_ : server_.scratch_;
    if (waiting_ == nullptr) out.clear();
    const auto state = echo_.feed(bytes, out);
    if (waiting_ == nullptr || state != EchoStream::State::kOpen) {
      send(out);
    } else if (echo_.at_boundary()) {
      server_.broadcast(out);
      out.clear();
    }
    // The server ends the TCP connection, RFC 6455 section 7.1.1; the client's FIN follows.
    if (state != EchoStream::State::kOpen) stream_.finish_writing();
  }

  EchoServer& server_;
  net::TcpStream stream_;
  std::unique_ptr<http::RequestParser> parser_ = std::make_unique<http::RequestParser>(http::HeadLimits{});
  EchoStream echo_;
  std::unique_ptr<std::vector<std::uint8_t>> waiting_;  // on /fanout: frames that are not whole yet
};

EchoServer::EchoServer(net::Loop& loop) : loop_(loop) {}

EchoServer::~EchoServer() {
  assert(connections_.empty() && fanout_.empty());
}

Result<net::Address> EchoServer::listen(const net::Address& address) {
  net::Acceptor::Callbacks callbacks;
  callbacks.may_accept = [] { return true; };
  callbacks.on_accept = [this](int fd, const net::Address&) { accept(fd); };
  callbacks.on_exhausted = [](int) {};
  acceptors_.push_back(std::make_unique<net::Acceptor>(loop_, std::move(callbacks)));
  if (auto listening = acceptors_.back()->listen(address); !listening) return std::unexpected(listening.error());
  return acceptors_.back()->address();
}

void EchoServer::accept(int fd) {
  auto* connection = new Connection(*this, loop_);  // deleted by retire()
  connections_.push_back(*connection);
  connection->start(fd);
}

void EchoServer::broadcast(Bytes frames) {
  for (Connection* each = fanout_.front(); each != nullptr; each = fanout_.after(*each)) each->send(frames);
}

void EchoServer::retire(Connection& connection) {
  delete &connection;
}

void EchoServer::stop() {
  acceptors_.clear();
  connections_.splice(fanout_);
  for (Connection* each = connections_.front(); each != nullptr; each = connections_.after(*each)) each->close();
}

}  // namespace drover::bench
