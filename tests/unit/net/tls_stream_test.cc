// TlsStream over TlsStream's other role, on real TCP: bytes of all sizes, backpressure, pauses and ends.
#include "net/tls_stream.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tls_fixture.h"

namespace drover::net {

TEST_CASE("TLS: bytes of all sizes go both ways") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    Established f(newest);
    std::string sent;
    for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 65'536U, 200'000U, 2U}) {
      CAPTURE(size);
      const auto text = noise(size);
      sent += text;
      f.server().write(as_bytes(text));
      f.client().write(as_bytes(text));
      run_until(f.loop, [&] { return f.at_client().text.size() >= sent.size(); });
      run_until(f.loop, [&] { return f.at_server().text.size() >= sent.size(); });
    }
    CHECK(f.at_client().text == sent);
    CHECK(f.at_server().text == sent);
    CHECK(f.client().queued() == 0);
    CHECK(f.loop.tls_counts().clients.full.read() == 1);
    CHECK(f.loop.tls_counts().backends.full.read() == 1);
  }
}

TEST_CASE("TLS: pieces go out in order, empty ones included") {
  Established f;
  const std::array<Bytes, 5> pieces{Bytes(), as_bytes("one "), Bytes(), as_bytes("two "), as_bytes("three")};
  f.client().write(pieces);
  f.client().write(std::span<const Bytes>());
  run_until(f.loop, [&] { return f.at_server().text == "one two three"; });
}

TEST_CASE("TLS: what a slow reader does not take is queued, counted, and arrives byte for byte") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    Established f(newest, kSmallBuffer);
    f.client().pause(PauseReason::kPeerSlow);
    CHECK(f.client().paused());
    const auto sent = noise(3'000'000);
    std::mt19937 random(1);
    for (std::size_t at = 0; at < sent.size();) {
      const std::size_t size = std::min<std::size_t>(sent.size() - at, random() % 50'000);
      const auto part = as_bytes(sent).subspan(at, size);
      const std::size_t cut = size == 0 ? 0 : random() % size;
      const std::array<Bytes, 2> pieces{part.first(cut), part.subspan(cut)};
      f.server().write(pieces);
      at += size;
    }
    CHECK(f.server().queued() > 1'000'000);
    CHECK(f.server().queued() == f.loop.waiting_bytes());
    run_some(f.loop);
    CHECK(f.at_client().text.empty());
    f.client().resume(PauseReason::kPeerSlow);
    run_until(f.loop, [&] { return f.at_client().text.size() >= sent.size(); });
    CHECK(f.at_client().text == sent);
    run_until(f.loop, [&] { return f.server().queued() == 0; });
    CHECK(f.at_server().written > 0);
    CHECK(f.loop.outboxes().size() == 0);
  }
}

TEST_CASE("TLS: what is written before the handshake is over goes out behind it, in order") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    TlsStage stage;
    const auto server_context = stage.make(stage.settings());
    const auto client_context = stage.make(stage.trust(stage.authority));
    TlsConnection c(stage, newest);
    c.open(server_context, client_context);
    const auto early = noise(100'000);
    c.client->write(as_bytes(early));
    c.client->write(as_bytes("next"));
    c.server.stream().write(as_bytes("hello"));
    CHECK(c.client->queued() == early.size() + 4);
    CHECK(c.server.stream().queued() == 5);
    c.shake_hands();
    c.client->start_reading();
    run_until(stage.loop, [&] { return c.at_client.text == "hello"; });
    c.client->write(as_bytes("last"));
    run_until(stage.loop, [&] { return c.at_server.text.size() == early.size() + 8; });
    CHECK(c.at_server.text == early + "nextlast");
    CHECK(c.client->queued() == 0);
  }
}

TEST_CASE("TLS: the end of writing waits for the handshake, and what is written behind it is dropped") {
  TlsStage stage;
  const auto server_context = stage.make(stage.settings());
  const auto client_context = stage.make(stage.trust(stage.authority));
  TlsConnection c(stage);
  c.open(server_context, client_context);
  SUBCASE("write_last()") {
    c.client->write_last(as_bytes("all"));
  }
  SUBCASE("finish_writing()") {
    c.client->write(as_bytes("all"));
    c.client->finish_writing();
  }
  c.client->write(as_bytes("late"));
  c.shake_hands();
  run_until(stage.loop, [&] { return c.at_server.end.has_value(); });
  CHECK(c.at_server.text == "all");
  CHECK(c.at_server.end == ReadEnd::kEof);
}

TEST_CASE("TLS: each direction ends for itself, with close_notify") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    Established f(newest);
    f.client().write_last(as_bytes("last"));
    f.client().write(as_bytes("late"));
    f.client().finish_writing();
    run_until(f.loop, [&] { return f.at_server().end.has_value(); });
    CHECK(f.at_server().end == ReadEnd::kEof);
    CHECK(f.at_server().text == "last");
    const auto answer = noise(100'000);
    f.server().write(as_bytes(answer));
    run_until(f.loop, [&] { return f.at_client().text.size() == answer.size(); });
    f.server().finish_writing();
    run_until(f.loop, [&] { return f.at_client().end.has_value(); });
    CHECK(f.at_client().end == ReadEnd::kEof);
    CHECK(f.at_client().text == answer);
    run_some(f.loop);
    CHECK(f.at_server().ends == 1);
    CHECK(f.at_client().ends == 1);
    CHECK(!f.client().write_failed());
    CHECK(f.client().failure().empty());
  }
}

TEST_CASE("TLS: the end waits behind what is queued") {
  Established f(Newest::k13, kSmallBuffer);
  f.client().pause(PauseReason::kPeerSlow);
  const auto sent = noise(1'000'000);
  f.server().write_last(as_bytes(sent));
  CHECK(f.server().queued() > 0);
  f.client().resume(PauseReason::kPeerSlow);
  run_until(f.loop, [&] { return f.at_client().end.has_value(); });
  CHECK(f.at_client().end == ReadEnd::kEof);
  CHECK(f.at_client().text == sent);
}

TEST_CASE("TLS: a FIN without close_notify is kTruncated, a RST is kReset") {
  Established f;
  f.client().write(as_bytes("some"));
  run_until(f.loop, [&] { return f.at_server().text == "some"; });
  SUBCASE("FIN") {
    f.server().write(as_bytes("all"));  // the client has read everything: closing over unread bytes is a reset
    run_until(f.loop, [&] { return f.at_client().text == "all"; });
    f.client().close();
    run_until(f.loop, [&] { return f.at_server().end.has_value(); });
    CHECK(f.at_server().end == ReadEnd::kTruncated);
    CHECK(f.server().failure().empty());
  }
  SUBCASE("RST") {
    f.client().pause(PauseReason::kPeerSlow);
    f.server().write(as_bytes("unread"));
    f.client().close();
    run_until(f.loop, [&] { return f.at_server().end.has_value(); });
    CHECK(f.at_server().end == ReadEnd::kReset);
  }
  CHECK(f.at_server().ends == 1);
}

TEST_CASE("TLS: bytes that came with the end of the handshake wait until they are wanted") {
  Newest newest = Newest::k12;
  SUBCASE("TLS 1.2") {}
  SUBCASE("TLS 1.3") {
    newest = Newest::k13;
  }
  TlsStage stage;
  const auto server_context = stage.make(stage.settings());
  const auto client_context = stage.make(stage.trust(stage.authority));
  const auto connect_and_wait = [&](TlsConnection& c) {
    c.open(server_context, client_context);
    c.server.stream().write(as_bytes("early"));
    c.shake_hands();
    run_some(stage.loop);
    CHECK(c.at_client.text.empty());
  };
  {
    TlsConnection c(stage, newest);
    connect_and_wait(c);
    c.client->start_reading();
    CHECK(c.at_client.text.empty());  // not from inside a call
    run_until(stage.loop, [&] { return c.at_client.text == "early"; });
  }
  {
    TlsConnection c(stage, newest);
    connect_and_wait(c);
    c.client->pause(PauseReason::kHeld);
    c.client->start_reading();
    run_some(stage.loop);
    CHECK(c.at_client.text.empty());
    c.client->resume(PauseReason::kHeld);
    CHECK(c.at_client.text.empty());
    run_until(stage.loop, [&] { return c.at_client.text == "early"; });
  }
  TlsConnection c(stage, newest);
  connect_and_wait(c);
  c.client->close();
  run_until(stage.loop, [&] { return c.at_client.closed == 1; });
  CHECK(c.at_client.text.empty());
}

TEST_CASE("TLS: reading may start in on_connected") {
  TlsStage stage;
  const auto server_context = stage.make(stage.settings());
  const auto client_context = stage.make(stage.trust(stage.authority));
  TlsConnection c(stage);
  c.at_client.then = [](ByteStream& stream) { stream.start_reading(); };
  c.open(server_context, client_context);
  c.server.stream().write(as_bytes("early"));
  c.shake_hands();
  run_until(stage.loop, [&] { return c.at_client.text == "early"; });
  c.server.stream().write(as_bytes(" and late"));
  run_until(stage.loop, [&] { return c.at_client.text == "early and late"; });
  CHECK(!c.client->paused());
}

TEST_CASE("TLS: what came with the end of the handshake is not handed on to a stream that is paused") {
  TlsStage stage;
  const auto server_context = stage.make(stage.settings());
  const auto client_context = stage.make(stage.trust(stage.authority));
  // With TLS 1.2 the server's Finished is the last message, and its first bytes come in the same read.
  TlsConnection c(stage, Newest::k12);
  c.at_client.then = [](ByteStream& stream) {
    stream.start_reading();
    stream.pause(PauseReason::kPeerSlow);
  };
  c.open(server_context, client_context);
  const auto early = noise(10'000);
  c.server.stream().write(as_bytes(early));
  run_until(stage.loop, [&] { return stage.handshakes() == 1; });
  c.client->pause(PauseReason::kHeld);
  REQUIRE(!c.at_client.connected);
  run_until(stage.loop, [&] {
    stage.loop.post([] {});
    return c.client->unread() > early.size();
  });
  c.client->resume(PauseReason::kHeld);
  run_until(stage.loop, [&] { return c.at_client.connected.has_value(); });
  c.at_client.then = [](ByteStream&) {};
  run_some(stage.loop);
  CHECK(c.at_client.text.empty());
  c.client->resume(PauseReason::kPeerSlow);
  CHECK(c.at_client.text.empty());  // not from inside a call
  run_until(stage.loop, [&] { return c.at_client.text == early; });
  c.server.stream().write(as_bytes("late"));
  run_until(stage.loop, [&] { return c.at_client.text == early + "late"; });
}

TEST_CASE("TLS: a pause from on_read stops the very next read") {
  Established f;
  const auto sent = noise(600'000);
  int reads = 0;
  f.at_client().then = [&](ByteStream& stream) {
    ++reads;
    stream.pause(PauseReason::kPeerSlow);
  };
  f.server().write(as_bytes(sent));
  run_until(f.loop, [&] { return reads > 0; });
  run_some(f.loop);
  CHECK(reads == 1);
  CHECK(f.at_client().text.size() <= Loop::kReadBufferSize + 16'384);
  f.at_client().then = [](ByteStream&) {};
  f.client().resume(PauseReason::kPeerSlow);
  run_until(f.loop, [&] { return f.at_client().text.size() == sent.size(); });
  CHECK(f.at_client().text == sent);
}

}  // namespace drover::net
