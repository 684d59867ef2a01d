// A TcpStream with a plain socket at the other end of its connection.
#pragma once

#include <csignal>
#include <random>
#include <string>
#include <utility>

#include "driving.h"
#include "net/tcp_stream.h"
#include "sockets.h"

namespace drover::net {

inline constexpr int kSmallBuffer = 4096;  // bytes; the kernel makes the best of it

inline std::string noise(std::size_t size) {
  std::mt19937 random(9);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// A stream over one end of a connection, whose other end is a plain socket.
struct StreamFixture {
  explicit StreamFixture(int buffer = 0) : StreamFixture(connected_pair(buffer)) {}
  explicit StreamFixture(Pair pair) : peer(std::move(pair.peers)), stream(loop), stream_fd(pair.ours.fd()) {
    std::signal(SIGPIPE, SIG_IGN);  // as the process does
    stream.set_handler(recorder);
    REQUIRE(stream.open(pair.ours.release()));
  }
  ~StreamFixture() { finish(); }
  void finish() {
    if (!stream.in_use()) return;
    stream.close();
    run_until(loop, [&] { return recorder.closed > 0; });
  }
  // Reads at the peer until its end, or until `size` bytes are there.
  std::string peer_reads(std::size_t size = static_cast<std::size_t>(-1)) {
    std::string text;
    run_until(loop, [&] {
      // Turns without waiting: the loop knows nothing of the peer's socket.
      loop.turn(Loop::Patience::kNone);
      pollfd readable{.fd = peer.fd(), .events = POLLIN, .revents = 0};
      ::poll(&readable, 1, 1);
      text += peer.receive();
      wake();
      return peer.ended || peer.error_number != 0 || text.size() >= size;
    });
    return text;
  }
  void wake() {
    loop.post([] {});  // so that a turn comes back
  }

  Loop loop;
  Socket peer;
  Recorder recorder;
  TcpStream stream;
  const int stream_fd;  // the stream's own
};

}  // namespace drover::net
