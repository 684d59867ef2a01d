// What is written to a connection that has yet to come about waits for it, be it a socket that is still connecting,
// which is opened as a stream like any other, or TLS.
#include "bench/load/client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/socket_options.h"
#include "websocket/frame_writer.h"
#include "websocket/handshake.h"

namespace drover::bench {

namespace {

using websocket::make_frame;
using websocket::Opcode;
using websocket::Towards;

// RFC 6455 section 1.3. The same every time: nothing here depends on its being new.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::array<std::uint8_t, 2> kNormalClosure = {0x03, 0xe8};  // 1000

std::string system_failure(const char* call) {
  return std::string(call) + ": " + std::strerror(errno);
}

}  // namespace

Client::Client(net::Loop& loop, Wire& wire, Owner& owner, unsigned index)
    : wire_(wire), owner_(owner), index_(index), transport_(loop), reader_(wire.shape) {}

Result<int> Client::connecting_socket() const {
  const auto failure = [](const char* call) { return fail(Code::kConnectFailed, Side::kDrover, system_failure(call)); };
  const int fd = ::socket(wire_.target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failure("socket");
  net::set_stream_options(fd);
  if (wire_.sources > 0) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + index_ % wire_.sources);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof(source)) != 0) {
      auto refused = failure("bind");
      ::close(fd);
      return refused;
    }
  }
  if (::connect(fd, wire_.target.raw(), wire_.target.raw_size()) != 0 && errno != EINPROGRESS) {
    auto refused = failure("connect");
    ::close(fd);
    return refused;
  }
  return fd;
}

Result<void> Client::connect() {
  if (wire_.encryption != nullptr) {
    // A name of its own: OpenSSL resumes a session of TLS 1.3 once, as RFC 8446 appendix C.4 would have it, and clients
    // that share a last session would take it from each other.
    const std::string server_name = std::to_string(index_) + ".localhost";
    const net::TlsTarget tls{.context = wire_.encryption->context(), .server_name = server_name};
    return transport_.connect(wire_.target, *this, &tls);
  }
  const auto fd = connecting_socket();
  if (!fd) return std::unexpected(fd.error());
  return transport_.open(*fd, *this, nullptr);
}

void Client::open() {
  state_ = State::kUpgrading;
  failure_.clear();
  reader_ = EchoReader(wire_.shape);
  if (const auto begun = connect(); !begun) {
    failure_ = begun.error().detail;
    if (transport_.in_use()) return;  // on_closed() follows
    state_ = State::kIdle;
    return owner_.on_end(*this, failure_);
  }
  answer_ = std::make_unique<http::ResponseParser>(http::HeadLimits{});
  stream().start_reading();
  std::string request = "GET " + wire_.path + " HTTP/1.1\r\nHost: " + wire_.target.text() +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: ";
  request.append(kKey).append("\r\n\r\n");
  stream().write(as_bytes(request));
}

// Of TLS alone.
void Client::on_connected(net::ByteStream&, Result<void> result) noexcept {
  if (!result) return give_up(result.error().detail);
  wire_.encryption->note(*transport_.tls());
}

void Client::send(const Stamp& stamp) {
  const std::size_t before = wire_.outgoing.size();  // another client's read may be under way
  wire_.shape.append(stamp, wire_.outgoing);
  if (in_read_) return;
  stream().write(Bytes(wire_.outgoing).subspan(before));
  wire_.outgoing.resize(before);
}

void Client::close() {
  state_ = State::kClosing;
  const auto frame = make_frame(Towards::kBackend, Opcode::kClose, kNormalClosure);
  if (in_read_) {
    wire_.outgoing.insert(wire_.outgoing.end(), frame.begin(), frame.end());
  } else {
    stream().write(frame);
  }
}

void Client::on_read(net::ByteStream&, Bytes bytes) noexcept {
  wire_.outgoing.clear();
  in_read_ = true;
  if (answer_ != nullptr) read_answer(bytes);
  if (answer_ == nullptr && failure_.empty()) read_frames(bytes);
  in_read_ = false;
  if (!wire_.outgoing.empty()) stream().write(wire_.outgoing);
}

void Client::read_answer(Bytes& bytes) {
  const auto fed = answer_->feed(bytes);
  if (!fed) return give_up(fed.error().detail);
  if (!fed->complete) return;
  if (answer_->head().status() != 101) return give_up("answered " + std::to_string(answer_->head().status()));
  if (answer_->head().find("sec-websocket-accept") != kAccept) return give_up("a wrong Sec-WebSocket-Accept");
  bytes = bytes.subspan(fed->consumed);
  answer_ = nullptr;
  state_ = State::kOpen;
  owner_.on_open(*this);
}

void Client::read_frames(Bytes bytes) {
  using Item = EchoReader::Item;
  for (Item item = reader_.next(bytes); item != Item::kNone; item = reader_.next(bytes)) {
    switch (item) {
      case Item::kMessage: owner_.on_message(*this, reader_.stamp()); break;
      case Item::kPing: {
        const auto pong = make_frame(Towards::kBackend, Opcode::kPong, reader_.payload());
        wire_.outgoing.insert(wire_.outgoing.end(), pong.begin(), pong.end());
        break;
      }
      case Item::kClose:
        if (state_ == State::kOpen && owner_.on_server_close(*this)) close();
        if (state_ != State::kClosing) return give_up("a Close that nobody asked for");
        state_ = State::kAnswered;
        break;
      case Item::kText:
        if (owner_.on_text(*this)) break;
        [[fallthrough]];
      default: return give_up("not what was sent");
    }
  }
}

void Client::on_read_end(net::ByteStream&, net::ReadEnd end) noexcept {
  // Behind both Closes nothing can be missing, so that a close_notify (RFC 8446 section 6.1) is not called for.
  if (state_ == State::kAnswered && end != net::ReadEnd::kReset) return stream().close();
  if (!stream().failure().empty()) return give_up(std::string(stream().failure()));
  give_up(end == net::ReadEnd::kReset ? "the connection was reset" : "the connection ended");
}

void Client::on_written(net::ByteStream&) noexcept {
  if (stream().write_failed()) give_up("the connection was reset");
}

void Client::give_up(std::string failure) {
  if (failure_.empty()) failure_ = std::move(failure);
  answer_ = nullptr;
  stream().close();
}

void Client::on_closed(net::ByteStream&) noexcept {
  state_ = State::kIdle;
  owner_.on_end(*this, failure_);
}

}  // namespace drover::bench
