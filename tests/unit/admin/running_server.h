// A server on a loop and thread of its own, and a client that says exactly what a test wants.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "admin/server.h"
#include "pools.h"

namespace drover::admin {

inline constexpr Timeouts kPatient{.request = Milliseconds(60'000), .linger = Milliseconds(60'000)};

inline proxy::SessionPage page_of(std::size_t count) {
  proxy::SessionPage page;
  for (std::size_t i = 0; i < count; ++i) {
    page.sessions.emplace_back();
    page.sessions.back().path = std::string(512, 'x');
  }
  return page;
}

// A server on a loop and thread of its own.
class Running {
 public:
  explicit Running(const Timeouts& timeouts = kPatient, Surface surface = Surface::kAdmin) {
    Access access;
    access.surface = surface;
    Source source = serving({make_pool("chat", {backend})});
    source.list_sessions = [this](const auto&, const auto& done) {
      if (sessions > 0) return done(page_of(sessions));
      asked.push_back(done);
    };
    server_ = std::make_unique<Server>(loop_, source, access, timeouts);
    const auto bound = server_->listen(*net::Address::from_literal("127.0.0.1", 0));
    REQUIRE(bound);
    address = *bound;
    REQUIRE(address.port() != 0);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Running() {
    on_loop([this] { server_.reset(); });
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }
  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  Server& server() { return *server_; }
  void wait_until_asked(std::size_t count) {
    for (bool done = false; !done;) {
      on_loop([&] { done = asked.size() == count; });
    }
  }

  net::Address address;
  const std::shared_ptr<balancer::Backend> backend = make_backend("web-1");
  std::size_t sessions = 0;  // that a listing has; with none nobody answers it
  // Who waits for a listing. The loop's.
  std::vector<std::function<void(proxy::SessionPage)>> asked;

 private:
  net::Loop loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(const net::Address& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 20, .tv_usec = 0};  // a test that fails ends
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    connected_ = ::connect(fd_, address.raw(), address.raw_size()) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  template <class Value>
  void set(int option, const Value& value) {
    ::setsockopt(fd_, SOL_SOCKET, option, &value, sizeof(value));
  }
  void finish() { ::shutdown(fd_, SHUT_WR); }
  std::string read(std::size_t size) {
    std::string text(size, '\0');
    const ssize_t got = ::recv(fd_, text.data(), size, MSG_WAITALL);
    return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  // Until the server's FIN; `error_number` is 0 then, and says what went wrong otherwise.
  std::string read_all() {
    std::string text;
    char buffer[4096];
    while (true) {
      const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
      error_number = got < 0 ? errno : 0;
      if (got <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  int error_number = 0;

 private:
  int fd_;
  bool connected_ = false;
};

inline constexpr std::string_view kList = "GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n";
inline constexpr std::string_view kReady = "GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n";

inline std::string ask(const net::Address& address, std::string_view request) {
  Client client(address);
  REQUIRE(client.connected());
  REQUIRE(client.send(request));
  return client.read_all();
}

}  // namespace drover::admin
