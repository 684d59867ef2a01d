// A socket that does not block, and poll() before whatever it would not do at once.
#include "app/ctl_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

namespace drover::app {

namespace {

std::unexpected<Error> failed(int error_number) {
  std::string words = std::generic_category().message(error_number);
  if (!words.empty() && words.front() >= 'A' && words.front() <= 'Z') {
    words.front() = static_cast<char>(words.front() - 'A' + 'a');  // it goes on a sentence
  }
  return fail(Code::kConnectFailed, Side::kDrover, words);
}

bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK;
}

}  // namespace

Result<CtlConnection> CtlConnection::open(std::span<const net::Address> addresses, MonotonicTime deadline) {
  while (true) {
    auto connection = open_one(addresses.front(), deadline);
    if (connection || addresses.size() == 1) return connection;
    addresses = addresses.subspan(1);
  }
}

Result<CtlConnection> CtlConnection::open_one(const net::Address& address, MonotonicTime deadline) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(errno);
  CtlConnection connection(fd, deadline);
  if (::connect(fd, address.raw(), address.raw_size()) == 0) return connection;
  if (errno != EINPROGRESS) return failed(errno);
  if (const auto waited = connection.wait_for(POLLOUT); !waited) return std::unexpected(waited.error());
  int error_number = 0;
  socklen_t size = sizeof(error_number);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) return failed(errno);
  if (error_number != 0) return failed(error_number);
  return connection;
}

CtlConnection::~CtlConnection() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> CtlConnection::wait_for(short events) const {
  while (true) {
    const auto left = std::min<Milliseconds::rep>((deadline_ - monotonic_now()).count(), INT_MAX);
    pollfd waited{.fd = fd_, .events = events, .revents = 0};
    const int ready = left > 0 ? ::poll(&waited, 1, static_cast<int>(left)) : 0;
    if (ready > 0) return {};
    if (ready == 0) return fail(Code::kConnectTimeout, Side::kDrover, "timed out");
    if (errno != EINTR) return failed(errno);
  }
}

Result<void> CtlConnection::write(std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (!would_block(errno)) return failed(errno);
    if (const auto waited = wait_for(POLLOUT); !waited) return waited;
  }
  return {};
}

Result<std::size_t> CtlConnection::read(MutableBytes space) {
  while (true) {
    // Before each read: who drips a byte at a time is not to get past the deadline.
    if (const auto waited = wait_for(POLLIN); !waited) return std::unexpected(waited.error());
    const auto got = ::recv(fd_, space.data(), space.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR && !would_block(errno)) return failed(errno);
  }
}

}  // namespace drover::app
