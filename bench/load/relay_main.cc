// drover-bench-relay: the yardstick. One thread, one epoll set, one buffer: what is read from one side is written to
// the other, and what the socket does not take waits, with its source unread. No parsing, no timer, no limit, no log;
// nothing of Drover's, so that a fault of Drover's cannot be in both.
#include <CLI/CLI.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/load/listening.h"

namespace {

using drover::net::Address;

struct Pair;

struct End {
  Pair* pair = nullptr;
  End* other = nullptr;
  int fd = -1;
  std::uint32_t watched = 0;
  bool ended = false;                 // it has sent its FIN
  std::vector<std::uint8_t> waiting;  // bytes for it that it has not taken
};

struct Pair {
  End client, backend;
  bool dead = false;
};

class BareRelay {
 public:
  BareRelay(int listening, const Address& backend) : listening_(listening), backend_(backend) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listening_, &event) != 0) drover::bench::die("epoll");
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 1024> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == nullptr) {
          accept();
        } else {
          on_ready(*static_cast<End*>(event.data.ptr), event.events);
        }
      }
      dead_.clear();  // only now: an event of this turn may have been theirs
    }
  }

 private:
  void watch(End& end, std::uint32_t wanted) {
    if (end.watched == wanted) return;
    epoll_event event{.events = wanted, .data = {.ptr = &end}};
    ::epoll_ctl(epoll_, end.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, end.fd, &event);
    end.watched = wanted;
  }

  void accept() {
    for (;;) {
      const int client = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      const int backend = ::socket(backend_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (backend < 0) {  // out of descriptors: nothing of ours to wait for
        ::close(client);
        return;
      }
      const int on = 1;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      ::setsockopt(backend, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      if (::connect(backend, backend_.raw(), backend_.raw_size()) != 0 && errno != EINPROGRESS) {
        ::close(client);
        ::close(backend);
        continue;
      }
      auto* pair = new Pair;  // owned by dead_ at its end
      pair->client = {.pair = pair, .other = &pair->backend, .fd = client, .waiting = {}};
      pair->backend = {.pair = pair, .other = &pair->client, .fd = backend, .waiting = {}};
      watch(pair->client, EPOLLIN);
      watch(pair->backend, EPOLLIN);
    }
  }

  void on_ready(End& end, std::uint32_t events) {
    if (end.pair->dead) return;
    if ((events & EPOLLOUT) != 0 && !send_waiting(end)) return kill(*end.pair);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !read(end)) return kill(*end.pair);
    const bool done = end.ended && end.other->ended && end.waiting.empty() && end.other->waiting.empty();
    if (done) kill(*end.pair);
  }

  // False: the connection is dead.
  bool read(End& end) {
    if (end.ended || !end.other->waiting.empty()) return true;
    const ssize_t size = ::recv(end.fd, buffer_.data(), buffer_.size(), 0);
    if (size < 0) return errno == EAGAIN;
    if (size == 0) {
      end.ended = true;
      watch(end, EPOLLET);
      ::shutdown(end.other->fd, SHUT_WR);
      return true;
    }
    const ssize_t sent = ::send(end.other->fd, buffer_.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent == size) return true;
    if (sent < 0 && errno != EAGAIN) return false;
    end.other->waiting.assign(buffer_.begin() + std::max<ssize_t>(sent, 0), buffer_.begin() + size);
    watch(end, EPOLLET);  // not to be read
    watch(*end.other, EPOLLOUT | (end.other->watched & (EPOLLIN | EPOLLET)));
    return true;
  }

  bool send_waiting(End& end) {
    if (end.waiting.empty()) return true;
    const ssize_t sent = ::send(end.fd, end.waiting.data(), end.waiting.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    end.waiting.erase(end.waiting.begin(), end.waiting.begin() + sent);
    if (!end.waiting.empty()) return true;
    end.waiting.shrink_to_fit();
    watch(end, end.watched & ~static_cast<std::uint32_t>(EPOLLOUT));
    watch(*end.other, EPOLLIN | (end.other->watched & EPOLLOUT));
    return true;
  }

  void kill(Pair& pair) {
    pair.dead = true;
    ::close(pair.client.fd);
    ::close(pair.backend.fd);
    dead_.emplace_back(&pair);
  }

  const int listening_;
  const Address backend_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::array<std::uint8_t, 64 * 1024 + 14> buffer_{};  // as Drover's
  std::vector<std::unique_ptr<Pair>> dead_;
};

int listen_on(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) drover::bench::die(std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(fd, address.raw(), address.raw_size()) != 0 || ::listen(fd, 4096) != 0) {
    drover::bench::die("cannot listen on " + address.text() + ": " + std::strerror(errno));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  drover::bench::say_listening(Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound)));
  return fd;
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App parser("The bare relay: reads, writes, and nothing else");
  std::string listening;
  std::string backend;
  parser.add_option("--listen", listening, "HOST:PORT, numeric; port 0 is any")->required();
  parser.add_option("--backend", backend, "HOST:PORT, numeric")->required();
  try {
    parser.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return parser.exit(problem) == 0 ? 0 : 2;
  }
  const auto from = drover::bench::parse_address(listening);
  const auto to = drover::bench::parse_address(backend);
  if (!from) drover::bench::die(from.error().detail);
  if (!to) drover::bench::die(to.error().detail);
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  BareRelay(listen_on(*from), *to).run();
} catch (const std::exception& problem) {
  drover::bench::die(problem.what());
}
