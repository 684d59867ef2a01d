// TcpStream over real loopback sockets: bytes, backpressure, ends, failures and closing at every moment.
#include "net/tcp_stream.h"

#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "driving.h"
#include "sockets.h"

namespace drover::net {

namespace {

constexpr int kSmallBuffer = 4096;  // bytes; the kernel makes the best of it

std::string noise(std::size_t size) {
  std::mt19937 random(9);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// A stream over one end of a connection, whose other end is a plain socket.
struct Fixture {
  explicit Fixture(int buffer = 0) : Fixture(connected_pair(buffer)) {}
  explicit Fixture(Pair pair) : peer(std::move(pair.peers)), stream(loop), stream_fd(pair.ours.fd()) {
    std::signal(SIGPIPE, SIG_IGN);  // as the process does
    stream.set_handler(recorder);
    REQUIRE(stream.open(pair.ours.release()));
  }
  ~Fixture() { finish(); }
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

}  // namespace

TEST_CASE("bytes go both ways") {
  Fixture f;
  f.stream.start_reading();
  f.peer.send("hello");
  run_until(f.loop, [&] { return f.recorder.text == "hello"; });
  f.stream.write(as_bytes("world"));
  CHECK(f.stream.queued() == 0);
  CHECK(f.peer_reads(5) == "world");
}

TEST_CASE("pieces go out in order, empty ones and more than a system call's worth included") {
  Fixture f;
  std::vector<std::string> texts;
  std::string whole;
  for (std::size_t i = 0; i < 100; ++i) {
    texts.push_back(std::string(i % 5, static_cast<char>('a' + i % 26)));
    whole += texts.back();
  }
  std::vector<Bytes> pieces;
  for (const auto& text : texts) pieces.push_back(as_bytes(text));
  f.stream.write(pieces);
  f.stream.write(Bytes());
  f.stream.write(std::span<const Bytes>());
  CHECK(f.peer_reads(whole.size()) == whole);
}

TEST_CASE("what a slow reader does not take is queued, counted, and arrives byte for byte") {
  Fixture f(kSmallBuffer);
  const auto sent = noise(3'000'000);
  // Writes of all sizes, in one and in several pieces.
  std::mt19937 random(1);
  for (std::size_t at = 0; at < sent.size();) {
    const std::size_t size = std::min<std::size_t>(sent.size() - at, random() % 50'000);
    const auto part = as_bytes(sent).subspan(at, size);
    const std::size_t cut = size == 0 ? 0 : random() % size;
    const std::array<Bytes, 2> pieces{part.first(cut), part.subspan(cut)};
    f.stream.write(pieces);
    at += size;
  }
  const auto queued = f.stream.queued();
  CHECK(queued > 0);
  CHECK(queued <= sent.size());
  f.recorder.then = [last = queued](ByteStream& stream) mutable {
    CHECK(stream.queued() < last);
    last = stream.queued();
  };
  CHECK(f.peer_reads(sent.size()) == sent);
  run_until(f.loop, [&] {
    f.wake();
    return f.stream.queued() == 0;
  });
  CHECK(f.recorder.written > 0);
  CHECK(f.loop.outboxes().size() == 0);  // nothing waits, so nothing is kept
}

TEST_CASE("writing from on_written keeps the order") {
  Fixture f(kSmallBuffer);
  const auto first = noise(1'000'000);
  f.stream.write(as_bytes(first));
  REQUIRE(f.stream.queued() > 0);
  std::string behind;
  f.recorder.then = [&](ByteStream& stream) {
    const auto text = "[" + std::to_string(behind.size()) + "]";
    if (behind.size() < 200) stream.write(as_bytes(text)), behind += text;
  };
  run_until(f.loop, [&] {
    f.wake();
    f.loop.turn(Loop::Patience::kNone);
    return true;
  });
  f.stream.write(as_bytes("last"));
  auto got = f.peer_reads(first.size() + 4);
  run_until(f.loop, [&] {
    f.wake();
    got += f.peer.receive();
    return got.size() == first.size() + behind.size() + 4 && f.stream.queued() == 0;
  });
  CHECK(got.starts_with(first));
  CHECK(got.find("last") != std::string::npos);
  std::string rest = got.substr(first.size());
  rest.erase(rest.find("last"), 4);
  CHECK(rest == behind);
}

TEST_CASE("reading pauses by reason, and goes on when none is left") {
  Fixture f;
  f.stream.pause(PauseReason::kHeld);  // before reading has begun
  f.stream.start_reading();
  f.peer.send("a");
  run_some(f.loop);
  CHECK(f.recorder.text.empty());
  f.stream.pause(PauseReason::kPeerSlow);
  f.stream.pause(PauseReason::kPeerSlow);
  f.stream.resume(PauseReason::kPeerSlow);
  run_some(f.loop);
  CHECK(f.recorder.text.empty());
  f.stream.resume(PauseReason::kHeld);
  run_until(f.loop, [&] { return f.recorder.text == "a"; });
  f.stream.resume(PauseReason::kHeld);
  f.peer.send("b");
  run_until(f.loop, [&] { return f.recorder.text == "ab"; });
}

TEST_CASE("a pause from on_read stops the very next read") {
  Fixture f;
  f.peer.send(std::string(300'000, 'x'));
  int reads = 0;
  f.recorder.then = [&](ByteStream& stream) {
    ++reads;
    stream.pause(PauseReason::kPeerSlow);
  };
  f.stream.start_reading();
  run_until(f.loop, [&] { return reads > 0; });
  run_some(f.loop);
  CHECK(reads == 1);
  CHECK(f.recorder.text.size() <= Loop::kReadBufferSize);
}

TEST_CASE("resuming does not start what was not wanted") {
  Fixture f;
  f.stream.pause(PauseReason::kHeld);
  f.stream.resume(PauseReason::kHeld);
  f.peer.send("a");
  run_some(f.loop);
  CHECK(f.recorder.text.empty());
}

TEST_CASE("the peer's FIN comes behind its bytes, once, and writing goes on") {
  Fixture f;
  f.peer.send("last words");
  ::shutdown(f.peer.fd(), SHUT_WR);
  f.stream.start_reading();
  run_until(f.loop, [&] { return f.recorder.end.has_value(); });
  CHECK(f.recorder.end == ReadEnd::kEof);
  CHECK(f.recorder.text == "last words");
  f.stream.pause(PauseReason::kHeld);
  f.stream.resume(PauseReason::kHeld);
  f.stream.start_reading();
  run_some(f.loop);
  CHECK(f.recorder.ends == 1);
  CHECK(!f.recorder.ended_before_read);
  f.stream.write(as_bytes("answer"));
  CHECK(f.peer_reads(6) == "answer");
}

TEST_CASE("our FIN goes out behind the queue") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{1'000'000}}) {
    CAPTURE(size);
    Fixture f(kSmallBuffer);
    f.stream.start_reading();
    const auto sent = noise(size);
    f.stream.write(as_bytes(sent));
    f.stream.finish_writing();
    f.stream.finish_writing();
    f.stream.write(as_bytes("too late"));
    CHECK(f.peer_reads() == sent);
    CHECK(f.peer.ended);
    f.peer.send("still heard");
    run_until(f.loop, [&] { return f.recorder.text == "still heard"; });
  }
}

TEST_CASE("the last bytes take our FIN along in one segment") {
  Fixture f;
  const auto before = segments_out(f.stream_fd);
  f.stream.write_last(as_bytes("bye"));
  f.stream.write(as_bytes("too late"));
  CHECK(segments_out(f.stream_fd) == before + 1);
  CHECK(f.peer_reads() == "bye");
  CHECK(f.peer.ended);
}

TEST_CASE("last bytes that the socket does not take wait, and the FIN comes behind them") {
  Fixture f(kSmallBuffer);
  const auto sent = noise(1'000'000);
  f.stream.write_last(as_bytes(sent));
  CHECK(f.stream.queued() > 0);
  CHECK(f.peer_reads() == sent);
  CHECK(f.peer.ended);
}

TEST_CASE("what the peer has sent and nobody has read is counted") {
  Fixture f;
  f.peer.send("hello");
  run_until(f.loop, [&] {
    f.wake();
    return f.stream.unread() == 5;
  });
  f.stream.start_reading();
  run_until(f.loop, [&] { return f.recorder.text == "hello"; });
  CHECK(f.stream.unread() == 0);
}

TEST_CASE("TCP asks a silent peer only once it was told to") {
  Fixture f;
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    REQUIRE(::getsockopt(f.stream_fd, level, name, &value, &size) == 0);
    return value;
  };
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 0);
  f.stream.keep_alive();
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  // 60 s of silence, and four questions 15 s apart.
  CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) == 60);
  CHECK(option(IPPROTO_TCP, TCP_KEEPINTVL) == 15);
  CHECK(option(IPPROTO_TCP, TCP_KEEPCNT) == 4);
}

TEST_CASE("a reset ends reading as such; what came before it is read") {
  Fixture f;
  f.stream.start_reading();
  f.peer.send("before");
  run_until(f.loop, [&] { return f.recorder.text == "before"; });
  f.peer.reset();
  run_until(f.loop, [&] { return f.recorder.end.has_value(); });
  CHECK(f.recorder.end == ReadEnd::kReset);
  CHECK(f.recorder.ends == 1);
}

TEST_CASE("writing after the peer's reset fails, and says so") {
  Fixture f;
  f.peer.reset();
  for (int i = 0; i < 3; ++i) f.stream.write(as_bytes("anybody there?"));
  CHECK(f.stream.write_failed());
  CHECK(f.stream.queued() == 0);
  f.stream.finish_writing();
  f.stream.write(as_bytes("more"));
  run_some(f.loop);
  CHECK(f.stream.queued() == 0);
}

TEST_CASE("what is queued when the peer resets is dropped, and on_written tells") {
  Fixture f(kSmallBuffer);
  f.stream.write(as_bytes(noise(1'000'000)));
  REQUIRE(f.stream.queued() > 0);
  f.peer.reset();
  run_until(f.loop, [&] { return f.stream.write_failed(); });
  CHECK(f.recorder.written == 1);
  CHECK(f.stream.queued() == 0);
  CHECK(f.loop.outboxes().size() == 0);
}

TEST_CASE("closing drops the queue, ends with one on_closed, and gives everything back") {
  Fixture f(kSmallBuffer);
  f.stream.start_reading();
  f.stream.write(as_bytes(noise(1'000'000)));
  REQUIRE(f.stream.queued() > 0);
  f.peer.send("unread");
  f.stream.close();
  f.stream.close();
  f.stream.write(as_bytes("late"));
  f.stream.finish_writing();
  CHECK(f.recorder.closed == 0);  // never from inside a call
  CHECK(f.stream.in_use());
  run_until(f.loop, [&] { return f.recorder.closed > 0; });
  run_some(f.loop);
  CHECK(f.recorder.closed == 1);
  CHECK(f.recorder.written == 0);
  CHECK(f.recorder.text.empty());
  CHECK(!f.stream.in_use());
  CHECK(f.loop.outboxes().size() == 0);
}

TEST_CASE("every callback may close") {
  SUBCASE("on_read") {
    Fixture f;
    f.recorder.then = [](ByteStream& stream) { stream.close(); };
    f.stream.start_reading();
    f.peer.send(std::string(200'000, 'x'));
    run_until(f.loop, [&] { return f.recorder.closed == 1; });
    CHECK(f.recorder.text.size() <= Loop::kReadBufferSize);
  }
  SUBCASE("on_read_end") {
    Fixture f;
    f.recorder.then = [](ByteStream& stream) { stream.close(); };
    f.stream.start_reading();
    f.peer.close();
    run_until(f.loop, [&] { return f.recorder.closed == 1; });
  }
  SUBCASE("on_written") {
    Fixture f(kSmallBuffer);
    f.recorder.then = [](ByteStream& stream) { stream.close(); };
    f.stream.write(as_bytes(noise(1'000'000)));
    f.peer_reads();
    run_until(f.loop, [&] { return f.recorder.closed == 1; });
    CHECK(f.recorder.written == 1);
  }
}

TEST_CASE("a stream that was closed can be used again, as new") {
  Fixture f;
  f.stream.start_reading();
  f.stream.pause(PauseReason::kHeld);
  f.stream.finish_writing();
  f.finish();
  auto pair = connected_pair();
  REQUIRE(f.stream.open(pair.ours.release()));
  f.stream.start_reading();
  pair.peers.send("again");
  run_until(f.loop, [&] { return f.recorder.text == "again"; });
  f.recorder.closed = 0;
}

TEST_CASE("connecting") {
  Loop loop;
  Recorder recorder;
  TcpStream stream(loop);
  stream.set_handler(recorder);
  const Socket listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback();
  REQUIRE(::bind(listening.fd(), address.raw(), address.raw_size()) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof(bound);
  REQUIRE(::getsockname(listening.fd(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  address = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound));
  const auto closed = [&] { return recorder.closed == 1; };

  SUBCASE("succeeds, and what was written before goes out") {
    REQUIRE(::listen(listening.fd(), 1) == 0);
    REQUIRE(stream.connect(address));
    stream.write(as_bytes("early"));
    run_until(loop, [&] { return recorder.connected.has_value() && stream.queued() == 0; });
    CHECK(recorder.connected->has_value());
    Socket peer(::accept4(listening.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string text;
    while (text.size() < 5) text += peer.receive();
    CHECK(text == "early");
    stream.close();
    run_until(loop, closed);
  }
  SUBCASE("is refused: the backend's fault, with the reason") {
    REQUIRE(stream.connect(address));
    run_until(loop, [&] { return recorder.connected.has_value(); });
    REQUIRE(!recorder.connected->has_value());
    const auto& error = recorder.connected->error();
    CHECK(error.code == Code::kConnectFailed);
    CHECK(error.side == Side::kBackend);
    CHECK(error.detail.find("refused") != std::string::npos);
    stream.close();
    run_until(loop, closed);
  }
  SUBCASE("is refused with bytes waiting, and the callback closes") {
    REQUIRE(stream.connect(address));
    stream.write(as_bytes("early"));
    recorder.then = [](ByteStream& one) { one.close(); };
    run_until(loop, closed);
    CHECK(recorder.written == 0);
    CHECK(loop.outboxes().size() == 0);
  }
  SUBCASE("is closed meanwhile: nothing but on_closed follows") {
    REQUIRE(::listen(listening.fd(), 1) == 0);
    REQUIRE(stream.connect(address));
    stream.write(as_bytes("early"));
    stream.close();
    run_until(loop, closed);
    CHECK(!recorder.connected.has_value());
  }
}

TEST_CASE("without descriptors a connect fails as Drover's own") {
  Loop loop;
  Recorder recorder;
  TcpStream stream(loop);
  stream.set_handler(recorder);
  const FewDescriptors few;
  const auto connecting = stream.connect(loopback(1));
  REQUIRE(!connecting);
  CHECK(connecting.error().code == Code::kOwnResources);
  CHECK(connecting.error().side == Side::kDrover);
  CHECK(!stream.in_use());
}

}  // namespace drover::net
