// A server of one test: answers each connection with what the test says, bytes as they are, and keeps what it was
// asked.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

class CannedServer {
 public:
  // From a request's head to all that is sent before the connection ends. Called on the server's own thread.
  using Answer = std::function<std::string(const std::string& head)>;
  enum class End : std::uint8_t { kClose, kStayOpen };

  explicit CannedServer(Answer answer, End end = End::kClose) : answer_(std::move(answer)), end_(end) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 16) != 0) std::abort();
    if (::getsockname(listener_, raw, &size) != 0) std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~CannedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (const int fd : open_) ::close(fd);
    ::close(listener_);
  }
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // All heads so far.
  std::vector<std::string> asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    int fd = -1;
    while ((fd = ::accept(listener_, nullptr, nullptr)) >= 0) {
      answer(fd);
      if (end_ == End::kStayOpen) {
        open_.push_back(fd);
      } else {
        ::shutdown(fd, SHUT_WR);
        char rest[1024];  // what is unread at the close would be a reset
        while (::read(fd, rest, sizeof(rest)) > 0) {
        }
        ::close(fd);
      }
    }
  }

  void answer(int fd) {
    std::string head;
    char buffer[1024];
    while (!head.contains("\r\n\r\n")) {
      const auto got = ::read(fd, buffer, sizeof(buffer));
      if (got <= 0) return;
      head.append(buffer, static_cast<std::size_t>(got));
    }
    {
      const std::scoped_lock lock(mutex_);
      asked_.push_back(head);
    }
    const auto text = answer_(head);
    for (std::size_t sent = 0; sent < text.size();) {
      const auto now = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;  // the client has had enough
      sent += static_cast<std::size_t>(now);
    }
  }

  const Answer answer_;
  const End end_;
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::vector<int> open_;
  std::thread thread_;
};

// A whole answer.
inline std::string http_answer(unsigned status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}
