// Plain sockets for the other end of what is tested, and a handler that writes down what it is called with.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "net/address.h"
#include "net/byte_stream.h"

namespace drover::net {

inline Address loopback(std::uint16_t port = 0) {
  return *Address::from_literal("127.0.0.1", port);
}

// A descriptor that closes itself.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&&) = delete;

  int fd() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void close() {
    if (fd_ >= 0) ::close(release());
  }
  // Closes with RST.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close();
  }
  void send(std::string_view text) const {
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  // What is there now, up to `most`: empty at the end or where nothing is there; `ended` and `error_number` tell.
  std::string receive(std::size_t most = 65'536) {
    std::string text(most, '\0');
    const ssize_t got = ::recv(fd_, text.data(), most, MSG_DONTWAIT);
    ended = got == 0;
    error_number = got < 0 && errno != EAGAIN ? errno : 0;
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  bool ended = false;
  int error_number = 0;

 private:
  int fd_;
};

struct Pair {
  Socket ours;   // non-blocking
  Socket peers;  // blocking
};

// Two ends of one TCP connection; a `buffer` other than 0 makes the kernel's buffers small.
inline Pair connected_pair(int buffer = 0) {
  const Socket listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (buffer != 0) ::setsockopt(listening.fd(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
  auto address = loopback();
  REQUIRE(::bind(listening.fd(), address.raw(), address.raw_size()) == 0);
  REQUIRE(::listen(listening.fd(), 1) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof(bound);
  REQUIRE(::getsockname(listening.fd(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  Socket ours(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (buffer != 0) ::setsockopt(ours.fd(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
  REQUIRE(::connect(ours.fd(), reinterpret_cast<const sockaddr*>(&bound), size) == 0);
  Socket peers(::accept4(listening.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(peers.fd() >= 0);
  REQUIRE(::fcntl(ours.fd(), F_SETFL, O_NONBLOCK) == 0);
  return {std::move(ours), std::move(peers)};
}

// Segments that TCP has sent on this connection, bare acknowledgements included. Defined in link_test.cc, which alone
// has the kernel's own tcp_info.
std::uint32_t segments_out(int fd);

// While it lives, this process gets no further descriptor (EMFILE).
class FewDescriptors {
 public:
  FewDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // the lowest that is free
    REQUIRE(next >= 0);
    ::close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

struct Recorder final : ByteStream::Handler {
  void on_connected(ByteStream& stream, Result<void> result) noexcept override {
    connected = std::move(result);
    then(stream);
  }
  void on_read(ByteStream& stream, Bytes bytes) noexcept override {
    ended_before_read = ended_before_read || end.has_value();
    text += as_text(bytes);
    then(stream);
  }
  void on_read_end(ByteStream& stream, ReadEnd how) noexcept override {
    ++ends;
    end = how;
    then(stream);
  }
  void on_written(ByteStream& stream) noexcept override {
    ++written;
    then(stream);
  }
  void on_closed(ByteStream&) noexcept override { ++closed; }

  std::function<void(ByteStream&)> then = [](ByteStream&) {};  // behind every callback but the last
  std::optional<Result<void>> connected;
  std::string text;
  std::optional<ReadEnd> end;
  bool ended_before_read = false;
  int ends = 0;
  int written = 0;
  int closed = 0;
};

}  // namespace drover::net
