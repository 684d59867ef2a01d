// One connection: the request's head, then the echo. Both heads go through Drover's own parser: what is measured is the
// proxy between, not this.
#include "bench/load/echo_server.h"

#include <nlohmann/json.hpp>

#include <cassert>
#include <string>

#include "app/demo_handoff.h"
#include "bench/load/message_shape.h"
#include "net/tcp_stream.h"
#include "websocket/frame_writer.h"
#include "websocket/handshake.h"

namespace drover::bench {

namespace {

constexpr std::size_t kMostQueued = 1 << 20;  // bytes, for a client that does not read

void append_text(std::vector<std::uint8_t>& out, std::string_view text) {
  const auto frame = websocket::make_frame(websocket::Towards::kClient, websocket::Opcode::kText, as_bytes(text));
  out.insert(out.end(), frame.begin(), frame.end());
}

// What a connection that may be handed off has to know. Its state is how often it has been.
struct Part {
  app::DemoHandoff contract;
  bool awaits_enter;
  std::uint64_t moves = 0;
};

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
    std::string answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        websocket::accept_of(*key) + "\r\n";
    if (takes_part())
      answer.append(app::DemoHandoff::kHeader).append(": ").append(app::DemoHandoff::kVersion) += "\r\n";
    stream_.write(as_bytes(answer + "\r\n"));
    return true;
  }

  // Whether it does, from the request at hand on.
  bool takes_part() {
    if (server_.handoffs_ == Handoffs::kNever) return false;
    const app::DemoHandoff contract(parser_->head());
    if (!contract.takes_part()) return false;
    part_ = std::make_unique<Part>(Part{.contract = contract, .awaits_enter = contract.expects_enter()});
    echo_.divert_texts([this](std::string_view text, std::vector<std::uint8_t>& out) { obey(text, out); });
    return true;
  }

  void obey(std::string_view text, std::vector<std::uint8_t>& out) {
    using Verb = app::HandoffOrder::Verb;
    const auto order = part_->contract.read(text);
    if (!order) return append_text(out, text);  // the client's
    if (order->verb == Verb::kLeave) {
      append_text(out, part_->contract.left(nlohmann::json{{"moves", part_->moves}}.dump()));
    } else if (order->verb == Verb::kEnter) {
      enter(order->state);
    }
  }

  void enter(const std::string& state) {
    const auto known = nlohmann::json::parse(state, nullptr, /*allow_exceptions=*/false);
    const bool has_state = known.is_object() && known.contains("moves") && known["moves"].is_number_unsigned();
    part_->moves = has_state ? known["moves"].get<std::uint64_t>() + 1 : 0;
    part_->awaits_enter = false;
    ++server_.entered_.count;
    if (!has_state) ++server_.entered_.stateless;
    server_.entered_.last_at = nanoseconds_now();
  }

  void echo(Bytes bytes) {
    auto& out = waiting_ != nullptr ? *waiting_ : server_.scratch_;
    if (waiting_ == nullptr) out.clear();
    const auto state = echo_.feed(bytes, out);
    if (part_ != nullptr && part_->awaits_enter && !out.empty()) return stream_.close();  // nothing may come before it
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
  std::unique_ptr<Part> part_;                          // where it takes part in handoffs
  std::unique_ptr<std::vector<std::uint8_t>> waiting_;  // on /fanout: frames that are not whole yet
};

EchoServer::EchoServer(net::Loop& loop, Handoffs handoffs) : loop_(loop), handoffs_(handoffs) {}

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
