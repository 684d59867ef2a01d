// A capped accept4() loop, so that live tunnels get their turn.
#include "net/acceptor.h"

#include <sys/socket.h>

#include <cerrno>

namespace drover::net {

namespace {

constexpr int kAcceptsATurn = 64;      // live tunnels get their turn during a storm
constexpr Milliseconds kHoldOff{200};  // without a pause a full backlog would keep the loop spinning

}  // namespace

Acceptor::Acceptor(Loop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

Acceptor::~Acceptor() {
  close_socket();
}

Result<void> Acceptor::adopt(ListeningSocket socket) {
  if (auto watched = loop_.poller().watch(*this, socket.fd(), EPOLLIN); !watched) return watched;
  socket_ = std::move(socket);
  return {};
}

Result<void> Acceptor::listen(const Address& address) {
  auto opened = ListeningSocket::open(address);
  if (!opened) return std::unexpected(opened.error());
  return adopt(*std::move(opened));
}

void Acceptor::on_ready(std::uint32_t) noexcept {
  if (watched() != Poller::kParked) accept(Burst::kTurn);
}

void Acceptor::on_deadline() noexcept {
  loop_.poller().change(*this, EPOLLIN);
}

void Acceptor::accept(Burst burst) noexcept {
  for (int accepted = 0; burst == Burst::kAll || accepted < kAcceptsATurn; ++accepted) {
    if (!callbacks_.may_accept()) return hold_off();
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    const int fd = ::accept4(this->fd(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      callbacks_.on_accept(fd, Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&peer)));
      if (this->fd() < 0) return;  // stopped by the callback
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    const int error_number = errno;  // EMFILE, ENFILE, ENOBUFS, ENOMEM: level-triggered, so it would fire for ever
    hold_off();
    callbacks_.on_exhausted(error_number);
    return;
  }
}

void Acceptor::hold_off() {
  if (fd() < 0) return;
  loop_.poller().change(*this, Poller::kParked);
  loop_.arm(*this, loop_.now() + kHoldOff);
}

void Acceptor::stop() {
  if (fd() < 0) return;
  accept(Burst::kAll);
  close_socket();
}

void Acceptor::close_socket() {
  loop_.wheel().disarm(*this);
  if (fd() < 0) return;
  loop_.poller().forget(*this);
  socket_ = {};
}

}  // namespace drover::net
