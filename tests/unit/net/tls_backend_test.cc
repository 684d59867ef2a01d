// A client's and a server's TlsStream over a stream without a socket, with OpenSSL at the other end: what depends on
// which bytes come when.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "support/fake_stream.h"
#include "support/openssl_peer.h"
#include "tls_fixture.h"

namespace drover::net {

namespace {

struct Wired {
  Wired(const test::Context& context, OpenSslOwner<SSL> ssl, TlsStream::Role role)
      : peer(context), stream(loop, below, std::move(ssl), role) {
    stream.set_handler(recorder);
    stream.start_reading();
    if (role == TlsStream::Role::kServer) REQUIRE(peer.go_on());
    if (role == TlsStream::Role::kClient) below.say_connected({});
    for (int round = 0; round < 5; ++round) exchange();
  }
  ~Wired() {
    stream.close();
    below.say_closed();
  }
  Wired(const Wired&) = delete;
  Wired& operator=(const Wired&) = delete;

  void to_stream() {
    loop.turn(Loop::Patience::kNone);
    below.receive(peer.take());
    loop.turn(Loop::Patience::kNone);
  }
  void exchange() {
    to_stream();
    peer.give(below.take());
    text += peer.read();
  }

  Loop loop;
  test::FakeStream below;
  test::OpenSslPeer peer;
  TlsStream stream;
  Recorder recorder;
  std::string text;  // that the peer has read
};

OpenSslOwner<SSL> to_anybody() {
  static auto context = TlsStage::make(std::shared_ptr<const TlsTrust>());
  return context.new_connection("localhost", loopback(443));
}

}  // namespace

TEST_CASE("TLS 1.2: a backend that asks for a second handshake is refused it, and goes on") {
  const auto identity = Authority("Test authority").issue({});
  Wired f(test::server_context(identity, TLS1_2_VERSION), to_anybody(), TlsStream::Role::kClient);
  REQUIRE(f.recorder.connected);
  REQUIRE(f.recorder.connected->has_value());
  REQUIRE(SSL_renegotiate(f.peer.ssl()) == 1);
  REQUIRE(f.peer.go_on());
  f.to_stream();
  const auto refusal = f.below.take();
  CHECK(!refusal.empty());
  CHECK(refusal.front() == SSL3_RT_ALERT);
  CHECK(!f.recorder.end);
  f.stream.write(as_bytes("going on"));
  CHECK(f.below.taken().front() == SSL3_RT_APPLICATION_DATA);
  CHECK(f.loop.tls_counts().backends.full.read() == 1);
}

TEST_CASE("TLS 1.3: any number of key updates is fine, as long as the answers are taken in between") {
  TlsStage stage;
  const auto context = stage.make(stage.settings());
  Wired f(test::client_context(), context.new_connection(), TlsStream::Role::kServer);
  const auto ask = [&] {
    f.below.room = 0;
    for (int time = 0; time < 100; ++time) {
      REQUIRE(SSL_key_update(f.peer.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
      REQUIRE(f.peer.go_on());
      f.to_stream();
    }
  };
  for (int time = 0; time < 5; ++time) {
    ask();
    CHECK(f.stream.queued() > 0);
    f.below.drain(f.stream.queued());
    f.exchange();
  }
  CHECK(!f.recorder.end);
  f.stream.write(as_bytes("all is well"));
  f.below.drain(f.stream.queued());
  f.exchange();
  CHECK(f.text == "all is well");
  ask();
  ask();
  CHECK(f.stream.failure() == "TLS: too many key updates, whose answers are not read");
}

TEST_CASE("TLS: a stream that is written to in large pieces writes below in large pieces, and in order") {
  TlsStage stage;
  const auto context = stage.make(stage.settings());
  Wired f(test::client_context(), context.new_connection(), TlsStream::Role::kServer);
  const auto frame = noise(64 * 1024 + 10);
  const int before = f.below.writes;
  f.stream.write(as_bytes(frame));
  CHECK(f.below.writes == before + 1);
  const auto much = noise(500'000);
  f.stream.write(as_bytes(much));
  f.exchange();
  CHECK(f.text == frame + much);
  f.stream.write_last(as_bytes("end"));
  CHECK(f.below.last_writes == 1);
  CHECK(f.below.fin());
  f.exchange();
  CHECK(f.peer.error == SSL_ERROR_ZERO_RETURN);
}

TEST_CASE("TLS: handshakes of one loop that are cut short leave the others alone") {
  TlsStage stage;
  const auto context = stage.make(stage.settings());
  const auto client = test::client_context(TLS1_2_VERSION);
  std::vector<std::unique_ptr<test::FakeStream>> below;
  std::vector<std::unique_ptr<test::OpenSslPeer>> peers;
  std::vector<std::unique_ptr<TlsStream>> streams;
  Recorder recorder;
  for (int at = 0; at < 9; ++at) {
    below.push_back(std::make_unique<test::FakeStream>());
    peers.push_back(std::make_unique<test::OpenSslPeer>(client));
    streams.push_back(
        std::make_unique<TlsStream>(stage.loop, *below.back(), context.new_connection(), TlsStream::Role::kServer));
    streams.back()->set_handler(recorder);
    streams.back()->start_reading();
  }
  const auto exchange = [&](std::size_t at) {
    peers[at]->go_on();
    below[at]->receive(peers[at]->take());
    for (int turn = 0; turn < 3; ++turn) stage.loop.turn(Loop::Patience::kNone);
    peers[at]->give(below[at]->take());
    peers[at]->go_on();
  };
  const auto end = [&](std::size_t at) {
    streams[at]->close();
    below[at]->say_closed();
    streams[at].reset();
  };
  for (std::size_t at = 0; at < 9; ++at) exchange(at);  // all are in the middle of it
  for (const std::size_t at : {0U, 4U, 8U, 7U}) end(at);
  for (const std::size_t at : {6U, 1U, 3U}) exchange(at);
  for (const std::size_t at : {1U, 2U}) end(at);
  exchange(5);
  for (const std::size_t at : {3U, 5U, 6U}) {
    CHECK(peers[at]->is_open());
    end(at);
  }
  CHECK(recorder.closed == 9);
  CHECK(stage.loop.tls_counts().clients.full.read() == 4);
  CHECK(stage.loop.tls_counts().clients.failed.read() == 5);
}

}  // namespace drover::net
