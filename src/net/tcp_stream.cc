// recv(2) and sendmsg(2) where the Poller says so. A callback may do anything, closing the stream included, so what
// comes after one looks at life_ first.
#include "net/tcp_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <string>

#include "net/raw_calls.h"
#include "net/socket_options.h"

namespace drover::net {

namespace {

constexpr std::size_t kMaxPieces = 16;
// Reads of a full buffer in a row: more would starve the others of the turn.
constexpr int kReadsATurn = 16;

bool is_own_failure(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM || error_number == ENOBUFS ||
         error_number == EADDRNOTAVAIL || error_number == EAGAIN;
}

Error connect_error(int error_number) {
  std::string detail = uv_strerror(uv_translate_sys_error(error_number));
  if (is_own_failure(error_number)) return Error{Code::kOwnResources, Side::kDrover, std::move(detail)};
  return Error{Code::kConnectFailed, Side::kBackend, std::move(detail)};
}

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EINTR;
}

}  // namespace

TcpStream::~TcpStream() {
  assert(life_ == Life::kClosed);
}

Result<void> TcpStream::adopt(int fd, Life life, std::uint32_t events) {
  assert(life_ == Life::kClosed);
  if (auto watched = loop_.poller().watch(*this, fd, events); !watched) {
    ::close(fd);
    say_closed_later();
    return watched;
  }
  life_ = life;
  reading_ = Reading::kStopped;
  writing_ = Writing::kOpen;
  pauses_ = 0;
  return {};
}

Result<void> TcpStream::open(int fd) {
  // Most streams are read at once. One that is not is parked with its first event.
  return adopt(fd, Life::kOpen, EPOLLIN);
}

Result<void> TcpStream::connect(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(connect_error(errno));
  set_stream_options(fd);
  if (::connect(fd, address.raw(), address.raw_size()) != 0 && errno != EINPROGRESS) {
    const int error_number = errno;
    ::close(fd);
    return std::unexpected(connect_error(error_number));
  }
  return adopt(fd, Life::kConnecting, EPOLLOUT);  // writable: connected, or not to be
}

void TcpStream::on_ready(std::uint32_t events) noexcept {
  if (life_ == Life::kConnecting) return on_dialled(events);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && reads()) read();
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && life_ == Life::kOpen && queue_ != nullptr) send_queued();
  if (life_ == Life::kOpen) watch_what_is_wanted();
}

// Without a read wanted, EPOLLIN stays until it fires once: a pause between two reads costs no system call.
void TcpStream::watch_what_is_wanted() {
  const std::uint32_t wanted = (reads() ? EPOLLIN : 0U) | (queue_ != nullptr ? EPOLLOUT : 0U);
  loop_.poller().change(*this, wanted == 0 ? Poller::kParked : wanted);
}

void TcpStream::on_dialled(std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error_number = 0;
    socklen_t size = sizeof(error_number);
    ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error_number, &size);
    if (error_number != 0) {
      loop_.poller().change(*this, Poller::kParked);
      return handler_->on_connected(*this, std::unexpected(connect_error(error_number)));
    }
  }
  life_ = Life::kOpen;
  handler_->on_connected(*this, {});
  if (life_ == Life::kOpen) watch_what_is_wanted();
}

void TcpStream::start_reading() {
  if (reading_ != Reading::kStopped) return;
  reading_ = Reading::kWanted;
  if (reads()) watch_what_is_wanted();
}

void TcpStream::pause(PauseReason reason) {
  set_pauses(pauses_ | static_cast<std::uint8_t>(reason));
}

void TcpStream::resume(PauseReason reason) {
  set_pauses(pauses_ & ~static_cast<unsigned>(reason));
  if (reads()) watch_what_is_wanted();
}

void TcpStream::set_pauses(unsigned pauses) {
  constexpr auto kHeldBack = static_cast<unsigned>(PauseReason::kPeerSlow);
  if ((pauses & ~pauses_ & kHeldBack) != 0) loop_.held_back().rise(1);
  if ((pauses_ & ~pauses & kHeldBack) != 0) loop_.held_back().fall(1);
  pauses_ = static_cast<std::uint8_t>(pauses);
}

std::size_t TcpStream::unread() const {
  return life_ == Life::kOpen ? unread_of(fd()) : 0;
}

void TcpStream::keep_alive() {
  if (life_ == Life::kOpen) set_keepalive(fd());
}

Link TcpStream::link() const {
  if (life_ != Life::kOpen) return {.lost = true};
  return link_of(fd());
}

void TcpStream::read() {
  const MutableBytes buffer = loop_.read_buffer();
  for (int round = 0; round < kReadsATurn && reads(); ++round) {
    const ssize_t size = raw_receive(fd(), buffer);
    if (size > 0) {
      handler_->on_read(*this, buffer.first(static_cast<std::size_t>(size)));
      if (static_cast<std::size_t>(size) < buffer.size()) return;  // there was no more
      continue;
    }
    if (size < 0 && would_block(errno)) return;
    reading_ = Reading::kEnded;
    return handler_->on_read_end(*this, size == 0 ? ReadEnd::kEof : ReadEnd::kReset);
  }
}

// How many bytes the socket took. `flags` are those of send(2).
std::size_t TcpStream::send_now(std::span<const Bytes> pieces, int flags) {
  ssize_t sent = 0;
  flags |= MSG_NOSIGNAL;
  if (pieces.size() == 1) {
    sent = raw_send(fd(), pieces[0], flags);
  } else {
    std::array<iovec, kMaxPieces> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    for (const Bytes piece : pieces.first(std::min(pieces.size(), kMaxPieces))) {
      vectors[message.msg_iovlen++] = {const_cast<std::uint8_t*>(piece.data()), piece.size()};
    }
    sent = ::sendmsg(fd(), &message, flags);
  }
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (!would_block(errno)) writing_ = Writing::kFailed;
  return 0;
}

void TcpStream::write(std::span<const Bytes> pieces) {
  put(pieces, 0);
}

// MSG_MORE: the kernel waits with what does not fill a segment, and the FIN that follows at once goes along.
void TcpStream::write_last(std::span<const Bytes> pieces) {
  put(pieces, MSG_MORE);
  finish_writing();
}

void TcpStream::put(std::span<const Bytes> pieces, int flags) {
  if (!alive() || writing_ != Writing::kOpen || pieces.empty()) return;
  std::size_t sent = 0;
  if (queue_ == nullptr && life_ == Life::kOpen) {
    sent = send_now(pieces, flags);
    if (writing_ == Writing::kFailed) return;
  }
  for (const Bytes piece : pieces) {
    if (sent >= piece.size()) {
      sent -= piece.size();
      continue;
    }
    if (queue_ == nullptr) {
      queue_ = loop_.outboxes().make(loop_.chunks());
      watch_what_is_wanted();
    }
    queue_->append(piece.subspan(sent));
    sent = 0;
  }
}

void TcpStream::send_queued() {
  const std::size_t before = queue_->size();
  std::size_t offered = 0;
  std::size_t sent = 0;
  do {
    std::array<Bytes, kMaxPieces> pieces;
    const auto front = queue_->front(pieces);
    offered = 0;
    for (const Bytes piece : front) offered += piece.size();
    sent = send_now(front, 0);
    queue_->consume(sent);
  } while (sent == offered && queue_->size() > 0);
  if (writing_ != Writing::kFailed && queue_->size() == before) return;
  if (writing_ == Writing::kFailed || queue_->size() == 0) drop_queue();
  if (writing_ == Writing::kFinishing && queue_ == nullptr) send_fin();
  handler_->on_written(*this);
}

void TcpStream::finish_writing() {
  if (!alive() || writing_ != Writing::kOpen) return;
  writing_ = Writing::kFinishing;
  if (queue_ == nullptr) send_fin();
}

void TcpStream::send_fin() {
  writing_ = Writing::kFinished;
  ::shutdown(fd(), SHUT_WR);
}

void TcpStream::drop_queue() {
  if (queue_ == nullptr) return;
  loop_.outboxes().destroy(queue_);
  queue_ = nullptr;
}

void TcpStream::close() {
  if (!alive()) return;
  const int descriptor = fd();
  loop_.poller().forget(*this);
  ::close(descriptor);
  drop_queue();
  set_pauses(0);
  say_closed_later();
}

void TcpStream::say_closed_later() {
  life_ = Life::kClosing;
  loop_.defer([this] {
    life_ = Life::kClosed;
    handler_->on_closed(*this);
  });
}

}  // namespace drover::net
