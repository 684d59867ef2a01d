// libuv keeps the handle until on_close and a queued write until on_write: the Outbox is given back only then.
#include "net/tcp_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <memory>
#include <string>

#include "net/socket_options.h"

namespace drover::net {

namespace {

constexpr std::size_t kMaxPieces = 16;

bool is_own_failure(int status) {
  return status == UV_EMFILE || status == UV_ENFILE || status == UV_ENOMEM || status == UV_ENOBUFS ||
         status == UV_EADDRNOTAVAIL || status == UV_EAGAIN;
}

Error connect_error(const Address& address, int status) {
  std::string detail = address.text() + ": " + uv_strerror(status);
  if (is_own_failure(status)) return Error{Code::kOwnResources, Side::kDrover, std::move(detail)};
  return Error{Code::kConnectFailed, Side::kBackend, std::move(detail)};
}

struct ConnectRequest {
  uv_connect_t request{};
  Address address;
};

}  // namespace

TcpStream::~TcpStream() {
  assert(life_ == Life::kClosed);
}

Result<void> TcpStream::adopt(int fd) {
  assert(life_ == Life::kClosed);
  uv_tcp_init(tcp_.loop, &tcp_);
  tcp_.data = this;
  if (const int status = uv_tcp_open(&tcp_, fd); status != 0) {
    ::close(fd);
    life_ = Life::kClosing;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), &TcpStream::on_close);
    return fail(Code::kOwnResources, Side::kDrover, std::string("uv_tcp_open: ") + uv_strerror(status));
  }
  life_ = Life::kOpen;
  reading_ = Reading::kStopped;
  writing_ = Writing::kOpen;
  pauses_ = 0;
  return {};
}

Result<void> TcpStream::open(int fd) {
  return adopt(fd);
}

Result<void> TcpStream::connect(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(connect_error(address, uv_translate_sys_error(errno)));
  set_stream_options(fd);
  if (auto adopted = adopt(fd); !adopted) return adopted;
  auto owned = std::make_unique<ConnectRequest>();
  owned->address = address;
  owned->request.data = owned.get();
  const int status = uv_tcp_connect(&owned->request, &tcp_, address.raw(), &TcpStream::on_connect);
  if (status != 0) {
    close();
    return std::unexpected(connect_error(address, status));
  }
  static_cast<void>(owned.release());  // on_connect owns it now; libuv calls it in every case
  return {};
}

void TcpStream::on_connect(uv_connect_t* request, int status) noexcept {
  const std::unique_ptr<ConnectRequest> owned(static_cast<ConnectRequest*>(request->data));
  auto& stream = *static_cast<TcpStream*>(request->handle->data);
  if (stream.life_ != Life::kOpen) return;  // closed meanwhile: on_closed() is what follows
  if (status != 0) {
    stream.handler_->on_connected(stream, std::unexpected(connect_error(owned->address, status)));
  } else {
    stream.handler_->on_connected(stream, {});
  }
}

void TcpStream::start_reading() {
  if (reading_ != Reading::kStopped) return;
  reading_ = Reading::kWanted;
  read_or_not();
}

void TcpStream::pause(PauseReason reason) {
  const auto bit = static_cast<std::uint8_t>(reason);
  if ((pauses_ & bit) != 0) return;
  pauses_ |= bit;
  read_or_not();
}

void TcpStream::resume(PauseReason reason) {
  const auto bit = static_cast<std::uint8_t>(reason);
  if ((pauses_ & bit) == 0) return;
  pauses_ &= static_cast<std::uint8_t>(~bit);
  read_or_not();
}

void TcpStream::read_or_not() {
  if (life_ != Life::kOpen || reading_ != Reading::kWanted) return;
  if (pauses_ == 0) {
    uv_read_start(handle(), &TcpStream::on_alloc, &TcpStream::on_read);  // harmless where it reads already
  } else {
    uv_read_stop(handle());
  }
}

Link TcpStream::link() const {
  uv_os_fd_t fd = -1;
  if (life_ != Life::kOpen || uv_fileno(reinterpret_cast<const uv_handle_t*>(&tcp_), &fd) != 0) return {.lost = true};
  return link_of(fd);
}

void TcpStream::on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
  const MutableBytes shared = static_cast<TcpStream*>(handle->data)->loop().read_buffer();
  *buffer = uv_buf_init(reinterpret_cast<char*>(shared.data()), static_cast<unsigned>(shared.size()));
}

void TcpStream::on_read(uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) noexcept {
  auto& stream = *static_cast<TcpStream*>(handle->data);
  if (size > 0) {
    stream.handler_->on_read(stream,
                             {reinterpret_cast<const std::uint8_t*>(buffer->base), static_cast<std::size_t>(size)});
    return;
  }
  if (size == 0 || size == UV_ENOBUFS) return;  // nothing there, or no buffer this turn
  uv_read_stop(handle);
  stream.reading_ = Reading::kEnded;
  stream.handler_->on_read_end(stream, size == UV_EOF ? ReadEnd::kEof : ReadEnd::kReset);
}

void TcpStream::write(std::span<const Bytes> pieces) {
  if (life_ != Life::kOpen || writing_ != Writing::kOpen) return;
  std::size_t sent = 0;
  if (outbox_ == nullptr) {
    std::array<uv_buf_t, kMaxPieces> buffers;
    unsigned count = 0;
    for (const Bytes piece : pieces.first(std::min(pieces.size(), kMaxPieces))) {
      auto* base = const_cast<char*>(reinterpret_cast<const char*>(piece.data()));
      buffers[count++] = uv_buf_init(base, static_cast<unsigned>(piece.size()));
    }
    const int status = uv_try_write(handle(), buffers.data(), count);
    if (status < 0 && status != UV_EAGAIN) {
      writing_ = Writing::kFailed;
      return;
    }
    sent = status < 0 ? 0 : static_cast<std::size_t>(status);
  }
  for (const Bytes piece : pieces) {
    if (sent >= piece.size()) {
      sent -= piece.size();
      continue;
    }
    if (outbox_ == nullptr) outbox_ = loop().outboxes().make(loop().chunks());
    outbox_->queue.append(piece.subspan(sent));
    sent = 0;
  }
  if (outbox_ != nullptr && outbox_->in_flight == 0) submit();
}

void TcpStream::submit() {
  std::array<uv_buf_t, 4> buffers;  // libuv keeps up to four in the request itself
  const std::size_t count = outbox_->queue.front(buffers);
  for (std::size_t i = 0; i < count; ++i) outbox_->in_flight += buffers[i].len;
  outbox_->request.data = this;
  const int status = uv_write(&outbox_->request, handle(), buffers.data(), static_cast<unsigned>(count), &on_write);
  if (status == 0) return;
  writing_ = Writing::kFailed;
  release_outbox();
}

void TcpStream::on_write(uv_write_t* request, int status) noexcept {
  auto& stream = *static_cast<TcpStream*>(request->data);
  if (stream.life_ != Life::kOpen) return;  // on_close gives the Outbox back
  if (status != 0) {
    stream.writing_ = Writing::kFailed;
    stream.release_outbox();
  } else {
    stream.outbox_->queue.consume(stream.outbox_->in_flight);
    stream.outbox_->in_flight = 0;
    if (stream.outbox_->queue.size() > 0) {
      stream.submit();
    } else {
      stream.release_outbox();
      if (stream.writing_ == Writing::kFinishing) stream.send_fin();
    }
  }
  stream.handler_->on_written(stream);
}

void TcpStream::finish_writing() {
  if (life_ != Life::kOpen || writing_ != Writing::kOpen) return;
  writing_ = Writing::kFinishing;
  if (outbox_ == nullptr) send_fin();
}

void TcpStream::send_fin() {
  writing_ = Writing::kFinished;
  // uv_shutdown would need a request that outlives the call; with an empty queue the system call is all it does.
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &fd) == 0) ::shutdown(fd, SHUT_WR);
}

void TcpStream::release_outbox() {
  if (outbox_ == nullptr) return;
  loop().outboxes().destroy(outbox_);
  outbox_ = nullptr;
}

void TcpStream::close() {
  if (life_ != Life::kOpen) return;
  life_ = Life::kClosing;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), &TcpStream::on_close);
}

void TcpStream::on_close(uv_handle_t* handle) noexcept {
  auto& stream = *static_cast<TcpStream*>(handle->data);
  stream.release_outbox();
  stream.life_ = Life::kClosed;
  stream.handler_->on_closed(stream);
}

}  // namespace drover::net
