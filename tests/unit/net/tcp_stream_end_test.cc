// How a TcpStream ends: FINs, last bytes, resets, and closing at every moment; and what it asks of a silent peer.
#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include <string>
#include <vector>

#include "net/tcp_stream.h"
#include "stream_fixture.h"

namespace drover::net {

TEST_CASE("the peer's FIN comes behind its bytes, once, and writing goes on") {
  StreamFixture f;
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
    StreamFixture f(kSmallBuffer);
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
  StreamFixture f;
  const auto before = segments_out(f.stream_fd);
  f.stream.write_last(as_bytes("bye"));
  f.stream.write(as_bytes("too late"));
  CHECK(segments_out(f.stream_fd) == before + 1);
  CHECK(f.peer_reads() == "bye");
  CHECK(f.peer.ended);
}

TEST_CASE("last bytes that the socket does not take wait, and the FIN comes behind them") {
  StreamFixture f(kSmallBuffer);
  const auto sent = noise(1'000'000);
  f.stream.write_last(as_bytes(sent));
  CHECK(f.stream.queued() > 0);
  CHECK(f.peer_reads() == sent);
  CHECK(f.peer.ended);
}

TEST_CASE("what the peer has sent and nobody has read is counted") {
  StreamFixture f;
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
  StreamFixture f;
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
  StreamFixture f;
  f.stream.start_reading();
  f.peer.send("before");
  run_until(f.loop, [&] { return f.recorder.text == "before"; });
  f.peer.reset();
  run_until(f.loop, [&] { return f.recorder.end.has_value(); });
  CHECK(f.recorder.end == ReadEnd::kReset);
  CHECK(f.recorder.ends == 1);
}

TEST_CASE("writing after the peer's reset fails, and says so") {
  StreamFixture f;
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
  StreamFixture f(kSmallBuffer);
  f.stream.write(as_bytes(noise(1'000'000)));
  REQUIRE(f.stream.queued() > 0);
  f.peer.reset();
  run_until(f.loop, [&] { return f.stream.write_failed(); });
  CHECK(f.recorder.written == 1);
  CHECK(f.stream.queued() == 0);
  CHECK(f.loop.outboxes().size() == 0);
}

TEST_CASE("closing drops the queue, ends with one on_closed, and gives everything back") {
  StreamFixture f(kSmallBuffer);
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
    StreamFixture f;
    f.recorder.then = [](ByteStream& stream) { stream.close(); };
    f.stream.start_reading();
    f.peer.send(std::string(200'000, 'x'));
    run_until(f.loop, [&] { return f.recorder.closed == 1; });
    CHECK(f.recorder.text.size() <= Loop::kReadBufferSize);
  }
  SUBCASE("on_read_end") {
    StreamFixture f;
    f.recorder.then = [](ByteStream& stream) { stream.close(); };
    f.stream.start_reading();
    f.peer.close();
    run_until(f.loop, [&] { return f.recorder.closed == 1; });
  }
  SUBCASE("on_written") {
    StreamFixture f(kSmallBuffer);
    f.recorder.then = [](ByteStream& stream) { stream.close(); };
    f.stream.write(as_bytes(noise(1'000'000)));
    f.peer_reads();
    run_until(f.loop, [&] { return f.recorder.closed == 1; });
    CHECK(f.recorder.written == 1);
  }
}

TEST_CASE("a stream that was closed can be used again, as new") {
  StreamFixture f;
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

}  // namespace drover::net
