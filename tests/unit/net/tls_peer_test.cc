// A server's TlsStream with OpenSSL for a client that does what ours would not: what is cut, spoiled, asked for too
// often, or left half said.
#include "tls_peer.h"

#include <doctest/doctest.h>

#include <string>

namespace drover::net {

namespace {

int version_of(Newest newest) {
  return newest == Newest::k12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// The length of the first record of `bytes`.
std::size_t record_size(std::string_view bytes) {
  REQUIRE(bytes.size() >= 5);
  return 5 + (static_cast<std::size_t>(static_cast<unsigned char>(bytes[3])) << 8U) +
         static_cast<unsigned char>(bytes[4]);
}

}  // namespace

TEST_CASE("TLS: records may come byte by byte") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    PeerClient f(test::client_context(version_of(newest)));
    const auto trickle = [&] {
      for (const char byte : f.peer.take()) {
        f.wire.send({&byte, 1});
        f.loop.turn(Loop::Patience::kNone);
      }
    };
    REQUIRE(f.peer.go_on());
    f.until([&] {
      trickle();
      return f.handshakes() == 1 && f.peer.is_open();
    });
    const auto sent = noise(3'000);
    REQUIRE(f.peer.write(sent));
    REQUIRE(f.peer.write("end"));
    trickle();
    run_until(f.loop, [&] { return f.recorder.text.size() >= sent.size() + 3; });
    CHECK(f.recorder.text == sent + "end");
  }
}

TEST_CASE("TLS 1.3: bytes in one segment with the client's Finished") {
  PeerClient f(test::client_context());
  REQUIRE(f.peer.go_on());
  f.wire.send(f.peer.take());
  run_until(f.loop, [&] {
    f.loop.post([] {});
    f.peer.give(f.wire.receive());
    return f.peer.go_on() && f.peer.is_open();
  });
  REQUIRE(f.peer.write("early"));
  f.wire.send(f.peer.take());
  run_until(f.loop, [&] { return f.recorder.text == "early"; });
  f.stream().write(as_bytes("answer"));
  f.until([&] { return f.text == "answer"; });
}

TEST_CASE("TLS: a spoiled record ends the stream, behind what came before it") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    PeerClient f(test::client_context(version_of(newest)));
    f.establish();
    REQUIRE(f.peer.write("good"));
    auto bytes = f.peer.take();
    REQUIRE(f.peer.write("bad"));
    auto spoiled = f.peer.take();
    spoiled.back() = static_cast<char>(spoiled.back() ^ 1);
    REQUIRE(f.peer.write("unseen"));
    f.wire.send(bytes + spoiled + f.peer.take());
    CHECK(f.failure() == "TLS: decryption failed or bad record mac");
    CHECK(f.recorder.text == "good");
    CHECK(f.recorder.end == ReadEnd::kBroken);
    f.stream().write(as_bytes("dropped"));
    CHECK(f.stream().write_failed());
    f.until([&] { return f.peer.error == SSL_ERROR_SSL; });  // the alert
    CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    f.until([&] { return f.wire.ended; });
    CHECK(f.text.empty());
    CHECK(f.loop.tls_counts().clients.failed.read() == 0);  // that is for handshakes
  }
}

TEST_CASE("TLS: an alert of the peer's ends the stream, with its name") {
  PeerClient f(test::client_context());
  f.establish();
  f.peer.give({"\x17\x03\x03\x00\x12what is this now?!", 23});
  f.text += f.peer.read();
  REQUIRE(f.peer.error == SSL_ERROR_SSL);
  f.wire.send(f.peer.take());
  CHECK(f.failure() == "TLS: the peer's alert: sslv3 alert bad record mac");
  CHECK(f.recorder.end == ReadEnd::kBroken);
  f.until([&] { return f.wire.ended; });
}

TEST_CASE("TLS: close_notify is the end, and nobody is told of what comes behind it") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    PeerClient f(test::client_context(version_of(newest)));
    f.establish();
    REQUIRE(f.peer.write("all"));
    f.peer.finish_writing();
    f.wire.send(f.peer.take() + "rubbish");
    CHECK(f.failure().empty());
    CHECK(f.recorder.end == ReadEnd::kEof);
    CHECK(f.recorder.text == "all");
    f.wire.send(std::string(100'000, 'x'));
    f.settle();
    CHECK(f.recorder.ends == 1);
    CHECK(f.recorder.text == "all");
  }
}

TEST_CASE("TLS 1.2: nobody gets a second handshake on a connection") {
  PeerClient f(test::client_context(TLS1_2_VERSION));
  f.establish();
  REQUIRE(SSL_renegotiate(f.peer.ssl()) == 1);
  REQUIRE(f.peer.go_on());
  f.until([&] { return f.peer.error == SSL_ERROR_SSL; });
  CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_NO_RENEGOTIATION);
  CHECK(f.handshakes() == 1);
  CHECK(!f.recorder.end);
}

TEST_CASE("TLS 1.2: a message of a handshake that is left half said does not hold up what is written for ever") {
  auto context = test::client_context(TLS1_2_VERSION);
  SSL_CTX_set_max_send_fragment(context.get(), 512);
  PeerClient f(context);
  // With a long name in it, and the ticket with the same name, the hello is longer than a record may be.
  const std::string name = std::string(60, 'a') + '.' + std::string(60, 'b') + '.' + std::string(60, 'c') + ".example";
  SSL_ctrl(f.peer.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str()));
  f.establish();
  REQUIRE(SSL_renegotiate_abbreviated(f.peer.ssl()) == 1);
  REQUIRE(f.peer.go_on());
  const auto hello = f.peer.take();
  REQUIRE(record_size(hello) < hello.size());
  f.wire.send(hello.substr(0, record_size(hello)));
  f.settle();
  CHECK(!f.recorder.end);
  f.stream().write(as_bytes("lost"));
  CHECK(!f.recorder.end);  // not from inside a call
  CHECK(f.stream().write_failed());
  CHECK(f.failure() == "TLS: cannot be encrypted");
  CHECK(f.recorder.end == ReadEnd::kBroken);
  f.until([&] { return f.wire.ended; });
  CHECK(f.text.empty());
}

TEST_CASE("TLS 1.3: a peer may change its keys, and ask for new ones") {
  PeerClient f(test::client_context());
  f.establish();
  for (int time = 0; time < 1000; ++time) {
    REQUIRE(SSL_key_update(f.peer.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(f.peer.go_on());
    REQUIRE(f.peer.write("x"));
    const auto seen = static_cast<std::size_t>(time + 1);
    f.until([&] { return f.recorder.text.size() == seen; });
    f.stream().write(as_bytes("y"));
    f.until([&] { return f.text.size() == seen; });
  }
  CHECK(!f.recorder.end);
}

TEST_CASE("TLS 1.3: a few new keys at once are fine, but a flood of them is not worked through") {
  for (const int updates : {10, 2000}) {
    CAPTURE(updates);
    PeerClient f(test::client_context());
    f.establish();
    for (int time = 0; time < updates; ++time) {
      REQUIRE(SSL_key_update(f.peer.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      REQUIRE(f.peer.go_on());
    }
    REQUIRE(f.peer.write("x"));
    f.until([&] { return f.recorder.end.has_value() || !f.recorder.text.empty(); });
    const bool flood = updates > 10;
    CHECK(f.recorder.text == (flood ? "" : "x"));
    CHECK(f.recorder.end == (flood ? std::optional(ReadEnd::kBroken) : std::nullopt));
    CHECK(f.stream().failure() == (flood ? "TLS: too many key updates or session tickets at once" : ""));
  }
}

TEST_CASE("TLS 1.3: a peer that asks for new keys and reads nothing is given up, with bounded memory") {
  PeerClient f(test::client_context(), [](auto&) {}, kSmallBuffer);
  ::setsockopt(f.wire.fd(), SOL_SOCKET, SO_RCVBUF, &kSmallBuffer, sizeof(kSmallBuffer));
  f.establish();
  f.reads = false;
  std::size_t most = 0;
  f.until([&] {
    int on_the_way = 0;  // so many in one read would be too many for another reason
    REQUIRE(::ioctl(f.wire.fd(), TIOCOUTQ, &on_the_way) == 0);
    for (int time = 0; time < 10 && on_the_way == 0 && f.to_wire.empty(); ++time) {
      SSL_key_update(f.peer.ssl(), SSL_KEY_UPDATE_REQUESTED);
      f.peer.go_on();
    }
    most = std::max(most, f.stream().queued());
    return f.recorder.end.has_value();
  });
  CHECK(f.stream().failure() == "TLS: too many key updates, whose answers are not read");
  CHECK(f.recorder.end == ReadEnd::kBroken);
  CHECK(most < 16'384);
}

}  // namespace drover::net
