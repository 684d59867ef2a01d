// TcpStream over real loopback sockets: bytes, backpressure, pauses, connecting.
#include "net/tcp_stream.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "stream_fixture.h"

namespace drover::net {

TEST_CASE("bytes go both ways") {
  StreamFixture f;
  f.stream.start_reading();
  f.peer.send("hello");
  run_until(f.loop, [&] { return f.recorder.text == "hello"; });
  f.stream.write(as_bytes("world"));
  CHECK(f.stream.queued() == 0);
  CHECK(f.peer_reads(5) == "world");
}

TEST_CASE("pieces go out in order, empty ones and more than a system call's worth included") {
  StreamFixture f;
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
  StreamFixture f(kSmallBuffer);
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
  StreamFixture f(kSmallBuffer);
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
  StreamFixture f;
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
  StreamFixture f;
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
  StreamFixture f;
  f.stream.pause(PauseReason::kHeld);
  f.stream.resume(PauseReason::kHeld);
  f.peer.send("a");
  run_some(f.loop);
  CHECK(f.recorder.text.empty());
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
