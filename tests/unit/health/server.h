// A backend as the tests want it, on the loop of what is tested: a script says what each connection does with what has
// come. And a probe's look at it.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "health/probe.h"
#include "net/acceptor.h"
#include "net/tcp_stream.h"
#include "unit/net/driving.h"
#include "unit/net/sockets.h"

namespace drover::health::test {

// How many descriptors this process has open, give or take a constant.
inline std::ptrdiff_t descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

// One connection that the server has accepted. It closes when its peer has.
class Peer final : net::ByteStream::Handler {
 public:
  using Script = std::function<void(Peer&)>;

  Peer(net::Loop& loop, int fd, const Script& script) : script_(script), fd_(fd), stream_(loop) {
    stream_.set_handler(*this);
    REQUIRE(stream_.open(fd));
    stream_.start_reading();
    script_(*this);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view text) { stream_.write(as_bytes(text)); }
  void finish() { stream_.finish_writing(); }
  void close() { stream_.close(); }
  // Closes with RST.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close();
  }
  bool in_use() const { return stream_.in_use(); }

  std::string received;             // all that has come
  std::optional<net::ReadEnd> end;  // how the peer has ended
  int step = 0;                     // the script's own

 private:
  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream&, Bytes bytes) noexcept override {
    received += as_text(bytes);
    script_(*this);
  }
  void on_read_end(net::ByteStream&, net::ReadEnd how) noexcept override {
    end = how;
    close();
  }
  void on_written(net::ByteStream&) noexcept override {}
  void on_closed(net::ByteStream&) noexcept override {}

  const Script& script_;
  const int fd_;
  net::TcpStream stream_;
};

class Server {
 public:
  explicit Server(net::Loop& loop)
      : loop_(loop),
        acceptor_(loop, {.may_accept = [] { return true; },
                         .on_accept = [this](int fd, const net::Address&) { accept(fd); },
                         .on_exhausted = [](int) {}}) {
    REQUIRE(acceptor_.listen(net::loopback()));
  }
  ~Server() {
    for (const auto& peer : peers) peer->close();
    net::run_some(loop_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const net::Address& address() const { return acceptor_.address(); }
  // Accepts no more: who connects is refused.
  void stop() { acceptor_.stop(); }

  // Called once with nothing received, then whenever something has come. Does nothing by default.
  Peer::Script script = [](Peer&) {};
  std::vector<std::unique_ptr<Peer>> peers;
  std::size_t accepted = 0;

 private:
  void accept(int fd) {
    ++accepted;
    std::erase_if(peers, [](const auto& peer) { return !peer->in_use(); });
    peers.push_back(std::make_unique<Peer>(loop_, fd, script));
  }

  net::Loop& loop_;
  net::Acceptor acceptor_;
};

// A script that answers a request with `answer` once its head is there, and does `then`.
inline Peer::Script answering(std::string answer, std::function<void(Peer&)> then = [](Peer&) {}) {
  return [answer = std::move(answer), then = std::move(then)](Peer& peer) {
    if (peer.step != 0 || !peer.received.ends_with("\r\n\r\n")) return;
    ++peer.step;
    peer.send(answer);
    then(peer);
  };
}

// A probe of `settings` and the server that it looks at.
struct Look {
  explicit Look(config::HealthCheck::Type type) { settings.type = type; }

  void start() {
    probe = make_probe(loop, settings, server.address().text());
    probe->start(server.address(), nullptr, [this](const ProbeResult& said) { results.push_back(said); });
    CHECK(results.empty());  // never from within start()
  }
  // Looks once, to the end.
  ProbeResult result() {
    results.clear();
    start();
    net::run_until(loop, [this] { return !results.empty(); });
    net::run_some(loop);
    REQUIRE(results.size() == 1);
    return results.front();
  }
  // The error's detail, of a backend's failure.
  std::string failure() {
    const auto said = result();
    REQUIRE(!said.verdict);
    CHECK(said.verdict.error().side == Side::kBackend);
    CHECK(!said.report);
    code = said.verdict.error().code;
    return said.verdict.error().detail;
  }
  // What the last connection's server has got.
  const std::string& received() const { return server.peers.back()->received; }

  net::Loop loop;
  Server server{loop};
  config::HealthCheck settings;
  std::unique_ptr<Probe> probe;
  std::vector<ProbeResult> results;
  std::optional<Code> code;
};

}  // namespace drover::health::test
