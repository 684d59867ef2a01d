// socket(2), bind(2), listen(2), and a classic BPF filter (socket(7), SO_ATTACH_FILTER).
#include "net/listening_socket.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/socket_options.h"

namespace drover::net {

namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to somaxconn

Error listen_error(const Address& address, const char* call) {
  return Error{Code::kAddress, Side::kDrover,
               "cannot listen on " + address.text() + ": " + call + ": " + std::strerror(errno)};
}

// Of a TCP socket the filter sees each segment from its TCP header on: the flags are at offset 13 (RFC 9293 section
// 3.1), SYN is 0x02 and ACK 0x10. A filter returns how many bytes of the segment it lets through; 0 drops it.
std::array<sock_filter, 5> without_syn() {
  return {{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
           BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
           BPF_STMT(BPF_RET | BPF_K, 0xffffffff)}};
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(listen_error(address, "socket"));
  ListeningSocket opened(fd, address);
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (address.family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  set_stream_options(fd);  // accepted sockets inherit them
  if (::bind(fd, address.raw(), address.raw_size()) != 0) return std::unexpected(listen_error(address, "bind"));
  if (::listen(fd, kBacklog) != 0) return std::unexpected(listen_error(address, "listen"));
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  opened.address_.set_port(Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound)).port());
  return opened;
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), address_(other.address_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) ::close(fd_);
  fd_ = std::exchange(other.fd_, -1);
  address_ = other.address_;
  return *this;
}

bool ListeningSocket::refuse_newcomers() {
  auto instructions = without_syn();
  const sock_fprog program{.len = static_cast<unsigned short>(instructions.size()), .filter = instructions.data()};
  return ::setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

void ListeningSocket::welcome_newcomers() {
  const int ignored = 0;
  ::setsockopt(fd_, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored));
}

}  // namespace drover::net
