// A request that is no upgrade gets a sentence and a lingering close; an upgrade gets an echo. Output that the client
// does not take stops the reading, so an echo server's memory is bounded by the largest message.
#include "app/demo.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "http/answer.h"
#include "http/head_parser.h"
#include "net/acceptor.h"
#include "net/tcp_stream.h"
#include "websocket/handshake.h"
#include "websocket/server_endpoint.h"

namespace drover::app {

namespace {

constexpr std::array<std::string_view, 2> kNames{"demo-1", "demo-2"};
constexpr std::uint64_t kMaxMessage = 64ULL * 1024 * 1024;
constexpr std::size_t kMaxQueued = 1024 * 1024;  // reading stops above it, and goes on at half of it
constexpr Milliseconds kHeadTimeout{10'000};
constexpr Milliseconds kCloseTimeout{5'000};

// {"name":"demo-1","path":"/ws?room=7","headers":{"Host":"…"}}; lines of one name are one list, RFC 9110 section 5.3.
std::string describe(std::string_view name, const http::RequestHead& head) {
  using Json = nlohmann::ordered_json;
  auto headers = Json::object();
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto [header, value] = head.at(i);
    const auto same = [&header](const auto& entry) { return http::same_name(entry.first, header); };
    auto& members = headers.get_ref<Json::object_t&>();
    if (const auto entry = std::ranges::find_if(members, same); entry != members.end()) {
      entry->second.get_ref<Json::string_t&>().append(", ").append(value);
    } else {
      headers[std::string(header)] = value;
    }
  }
  const Json answer = {{"name", name}, {"path", head.target()}, {"headers", std::move(headers)}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string switching(const websocket::UpgradeRequest& request) {
  std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  answer.append("Sec-WebSocket-Accept: ").append(websocket::accept_of(request.key)).append("\r\n");
  if (!request.subprotocols.empty()) {
    answer.append("Sec-WebSocket-Protocol: ").append(request.subprotocols.front()).append("\r\n");
  }
  return answer.append("\r\n");
}

std::string greeting(std::string_view name) {
  const std::string body = std::string(name) + " echoes what it is told over a WebSocket.\n";
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

class Connection final : net::ByteStream::Handler, net::TimerWheel::Node {
 public:
  // `on_closed` comes last and may destroy the connection.
  Connection(net::Loop& loop, std::string_view name, std::function<void(Connection&)> on_closed)
      : loop_(loop), name_(name), on_closed_(std::move(on_closed)), stream_(loop), parser_(http::HeadLimits{}) {
    stream_.set_handler(*this);
  }

  void open(int fd) {
    if (!stream_.open(fd)) return;  // on_closed() follows
    loop_.arm(*this, loop_.now() + kHeadTimeout);
    stream_.start_reading();
  }
  void close() { stream_.close(); }

 private:
  enum class Phase : std::uint8_t { kHandshake, kEchoing, kEnding };

  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;
  void on_deadline() noexcept override { close(); }
  void handshake(Bytes bytes);
  void answer(const http::RequestHead& head);
  void echo(Bytes bytes);
  void send(std::string_view bytes);
  void end();

  net::Loop& loop_;
  const std::string_view name_;
  std::function<void(Connection&)> on_closed_;
  net::TcpStream stream_;
  http::RequestParser parser_;
  std::optional<websocket::ServerEndpoint> endpoint_;
  std::string description_;  // the answer to `whoami`
  Phase phase_ = Phase::kHandshake;
  bool peer_ended_ = false;
};

void Connection::on_read(net::ByteStream& /*stream*/, Bytes bytes) noexcept {
  switch (phase_) {
    case Phase::kHandshake: return handshake(bytes);
    case Phase::kEchoing: return echo(bytes);
    case Phase::kEnding: return;  // thrown away: unread input would turn our FIN into a reset
  }
}

void Connection::handshake(Bytes bytes) {
  const auto fed = parser_.feed(bytes);
  if (!fed) {
    send(http::answer_to(fed.error()));
    return end();
  }
  if (!fed->complete) return;
  answer(parser_.head());
  if (phase_ == Phase::kEchoing && fed->consumed < bytes.size()) echo(bytes.subspan(fed->consumed));
}

void Connection::answer(const http::RequestHead& head) {
  const auto upgrade = websocket::check_request(head);
  if (!upgrade || !*upgrade) {
    send(upgrade ? greeting(name_) : http::answer_to(upgrade.error()));
    return end();
  }
  loop_.wheel().disarm(*this);
  phase_ = Phase::kEchoing;
  description_ = describe(name_, head);
  const auto on_message = [this](websocket::ServerEndpoint& endpoint, websocket::Opcode opcode, Bytes payload) {
    const bool asked = opcode == websocket::Opcode::kText && as_text(payload) == "whoami";
    endpoint.send(opcode, asked ? as_bytes(description_) : payload);
  };
  endpoint_.emplace(on_message, kMaxMessage);
  send(switching(**upgrade));
}

void Connection::echo(Bytes bytes) {
  const bool goes_on = endpoint_->receive(bytes);
  send(endpoint_->take_output());
  if (!goes_on) return end();
  if (stream_.queued() > kMaxQueued) stream_.pause(net::PauseReason::kPeerSlow);
}

void Connection::send(std::string_view bytes) {
  stream_.write(as_bytes(bytes));
  if (stream_.write_failed()) close();
}

// What is queued, our FIN, and the peer's within kCloseTimeout.
void Connection::end() {
  phase_ = Phase::kEnding;
  stream_.finish_writing();
  stream_.resume(net::PauseReason::kPeerSlow);
  loop_.arm(*this, loop_.now() + kCloseTimeout);
  if (peer_ended_ && stream_.queued() == 0) close();
}

void Connection::on_read_end(net::ByteStream& /*stream*/, net::ReadEnd end_of_stream) noexcept {
  if (end_of_stream == net::ReadEnd::kReset) return close();
  peer_ended_ = true;
  end();
}

void Connection::on_written(net::ByteStream& /*stream*/) noexcept {
  if (stream_.write_failed()) return close();
  if (stream_.queued() <= kMaxQueued / 2) stream_.resume(net::PauseReason::kPeerSlow);
  if (peer_ended_ && stream_.queued() == 0) close();
}

void Connection::on_closed(net::ByteStream& /*stream*/) noexcept {
  loop_.wheel().disarm(*this);
  const auto on_closed = std::move(on_closed_);  // outlives the connection that it may destroy
  on_closed(*this);
}

}  // namespace

class DemoBackends::Impl {
 public:
  ~Impl() { stop(); }

  Result<void> start() {
    for (const auto name : kNames) {
      if (auto listening = listen(name); !listening) return listening;
    }
    thread_ = std::thread([this] { loop_.run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    loop_.post([this] {
      acceptors_.clear();
      for (const auto& connection : connections_) connection->close();
      stopping_ = true;
      stop_if_empty();
    });
    thread_.join();
  }

  const std::vector<net::Address>& addresses() const { return addresses_; }

 private:
  Result<void> listen(std::string_view name) {
    const auto accept = [this, name](int fd, const net::Address& /*peer*/) {
      const auto forget = [this](Connection& closed) {
        std::erase_if(connections_, [&closed](const auto& one) { return one.get() == &closed; });
        stop_if_empty();
      };
      connections_.push_back(std::make_unique<Connection>(loop_, name, forget));
      connections_.back()->open(fd);
    };
    auto acceptor = std::make_unique<net::Acceptor>(
        loop_,
        net::Acceptor::Callbacks{.may_accept = [] { return true; }, .on_accept = accept, .on_exhausted = [](int) {}});
    const auto loopback = net::Address::from_literal("127.0.0.1", 0);
    if (!loopback) return std::unexpected(loopback.error());
    if (auto listening = acceptor->listen(*loopback); !listening) return listening;
    addresses_.push_back(acceptor->address());
    acceptors_.push_back(std::move(acceptor));
    return {};
  }

  void stop_if_empty() {
    if (stopping_ && connections_.empty()) loop_.stop();
  }

  net::Loop loop_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  std::vector<std::unique_ptr<Connection>> connections_;  // those that are closing included
  std::vector<net::Address> addresses_;
  bool stopping_ = false;
  std::thread thread_;
};

DemoBackends::DemoBackends() : impl_(std::make_unique<Impl>()) {}
DemoBackends::~DemoBackends() = default;
Result<void> DemoBackends::start() {
  return impl_->start();
}
void DemoBackends::stop() {
  impl_->stop();
}
const std::vector<net::Address>& DemoBackends::addresses() const {
  return impl_->addresses();
}

}  // namespace drover::app
