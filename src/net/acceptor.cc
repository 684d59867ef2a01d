// A capped accept4() loop, so that live tunnels get their turn.
#include "net/acceptor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/socket_options.h"

namespace drover::net {

namespace {

constexpr int kBacklog = 4096;         // the kernel cuts it to somaxconn
constexpr int kAcceptsATurn = 64;      // live tunnels get their turn during a storm
constexpr Milliseconds kHoldOff{200};  // without a pause a full backlog would keep the loop spinning

Error listen_error(const Address& address, const char* call) {
  return Error{Code::kAddress, Side::kDrover,
               "cannot listen on " + address.text() + ": " + call + ": " + std::strerror(errno)};
}

}  // namespace

Acceptor::Acceptor(Loop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

Acceptor::~Acceptor() {
  close_socket();
}

Result<void> Acceptor::listen(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(listen_error(address, "socket"));
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (address.family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  set_stream_options(fd);  // accepted sockets inherit them
  const char* failed = nullptr;
  if (::bind(fd, address.raw(), address.raw_size()) != 0) {
    failed = "bind";
  } else if (::listen(fd, kBacklog) != 0) {
    failed = "listen";
  } else if (!loop_.poller().watch(*this, fd, EPOLLIN)) {
    failed = "epoll_ctl";
  }
  if (failed != nullptr) {
    auto error = listen_error(address, failed);
    ::close(fd);
    return std::unexpected(std::move(error));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  address_ = address;
  address_.set_port(Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound)).port());
  return {};
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
  const int descriptor = fd();
  loop_.poller().forget(*this);
  ::close(descriptor);
}

}  // namespace drover::net
