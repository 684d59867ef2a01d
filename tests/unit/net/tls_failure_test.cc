// How a TLS handshake fails, and what each side is told of it.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "support/fake_stream.h"
#include "tls_peer.h"

namespace drover::net {

namespace {

// What each side says of a handshake that must fail.
struct Failed {
  std::string at_client;
  std::string at_server;
};

Failed shake(TlsStage& stage, const TlsServerContext& server, const TlsClientContext& client, const std::string& name,
             Newest newest = Newest::k12) {
  const auto& counts = stage.loop.tls_counts();
  const auto failed_before = counts.clients.failed.read();
  const auto full_before = counts.backends.full.read();
  TlsConnection c(stage, newest);
  c.open(server, client, name);
  run_until(stage.loop, [&] { return c.at_client.connected.has_value() && c.at_server.end.has_value(); });
  REQUIRE(!c.at_client.connected->has_value());
  CHECK(c.at_client.connected->error().code == Code::kConnectFailed);
  CHECK(c.at_client.connected->error().side == Side::kBackend);
  CHECK(c.client->failure() == c.client_error());
  CHECK(c.client->write_failed());
  CHECK(counts.clients.failed.read() == failed_before + 1);
  CHECK(counts.backends.full.read() == full_before);
  run_some(stage.loop);
  CHECK(c.at_client.ends == 0);  // on_connected() has said it
  return {c.client_error(), std::string(c.server.stream().failure())};
}

}  // namespace

TEST_CASE("TLS: what is no TLS is refused, with the reason") {
  BareClient f;
  SUBCASE("a request in plain HTTP") {
    f.wire.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    CHECK(f.failure() == "TLS: http request");
  }
  SUBCASE("noise") {
    f.wire.send("What is this?");
    CHECK(f.failure() == "TLS: wrong version number");
  }
  SUBCASE("a hello that announces more than there is to say, before OpenSSL takes memory for it") {
    f.wire.send({"\x16\x03\x01\x02\x00\x01\x01", 7});
    f.wire.send({"\xff\xff", 2});
    CHECK(f.failure() == "TLS: a hello that announces too much");
  }
  SUBCASE("a version that is too old") {
    f.wire.send({"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x01", 11});
    f.wire.send(std::string(32, 'r') + std::string("\0\0\x06\xc0\x09\xc0\x13\x00\x2f\x01\x00", 11));
    CHECK(f.failure() == "TLS: unsupported protocol");
  }
  CHECK(f.recorder.end == ReadEnd::kBroken);
  CHECK(f.recorder.text.empty());
  CHECK(f.stream().write_failed());
  CHECK(f.loop.tls_counts().clients.failed.read() == 1);
  f.stream().write(as_bytes("late"));  // dropped
  CHECK(f.stream().queued() == 0);
}

TEST_CASE("TLS: a handshake that the peer leaves") {
  BareClient f;
  SUBCASE("by FIN") {
    f.wire.send("\x16\x03\x01");
    f.wire.close();
    CHECK(f.failure() == "TLS: the connection was ended during the handshake");
    CHECK(f.recorder.end == ReadEnd::kReset);
    CHECK(f.loop.tls_counts().clients.failed.read() == 1);
  }
  SUBCASE("by RST") {
    f.wire.send("\x16\x03\x01");
    f.settle();
    f.wire.reset();
    CHECK(f.failure() == "TLS: the connection was reset during the handshake");
    CHECK(f.loop.tls_counts().clients.failed.read() == 1);
  }
  SUBCASE("before its first byte, as a look at the port does: no failure") {
    f.wire.close();
    CHECK(f.failure().empty());
    CHECK(f.recorder.end == ReadEnd::kTruncated);
    CHECK(f.loop.tls_counts().clients.failed.read() == 0);
  }
}

TEST_CASE("TLS: a connection that is closed in its handshake counts as failed") {
  BareClient f;
  f.wire.send("\x16\x03\x01");
  f.settle();
  CHECK(f.loop.tls_counts().clients.failed.read() == 0);
  f.stream().close();
  CHECK(f.loop.tls_counts().clients.failed.read() == 1);
  f.stream().close();
  CHECK(f.loop.tls_counts().clients.failed.read() == 1);
}

TEST_CASE("TLS: a server that cannot be believed") {
  TlsStage stage;
  const auto trusting = stage.make(stage.trust(stage.authority));
  const auto good = stage.settings();
  const auto expect = [&](const TlsServerContext::Settings& settings, const TlsClientContext& client,
                          const std::string& name, const std::string& why, const std::string& alert) {
    for (const auto newest : {Newest::k12, Newest::k13}) {
      CAPTURE(name_of(newest));
      const auto failed = shake(stage, stage.make(settings), client, name, newest);
      CHECK(failed.at_client == "TLS: certificate verify failed: " + why);
      CHECK(failed.at_server == "TLS: the peer's alert: " + alert);
    }
  };
  const Authority other("Somebody else");
  expect(good, stage.make(stage.trust(other)), "localhost", "unable to get local issuer certificate",
         "tlsv1 alert unknown ca");
  expect(stage.settings({.from = -7200, .to = -3600}), trusting, "localhost", "certificate has expired",
         "sslv3 alert certificate expired");
  expect(stage.settings({.from = 3600}), trusting, "localhost", "certificate is not yet valid",
         "sslv3 alert bad certificate");
  expect(good, trusting, "example.com", "hostname mismatch", "sslv3 alert bad certificate");
  expect(good, trusting, "127.0.0.2", "IP address mismatch", "sslv3 alert bad certificate");
  expect(stage.settings({.common_name = "localhost", .alternatives = ""}), trusting, "", "IP address mismatch",
         "sslv3 alert bad certificate");
  const auto revoked = stage.authority.issue({});
  auto settings = good;
  settings.certificates = {stage.certificate(revoked)};
  expect(settings, stage.make(stage.trust(stage.authority, stage.authority.revocations({revoked}))), "localhost",
         "certificate revoked", "sslv3 alert certificate revoked");
}

TEST_CASE("TLS: a server that can be believed: by its name, by its address, by a list that has others, by anybody") {
  TlsStage stage;
  const auto server = stage.make(stage.settings());
  const auto trusting = stage.make(stage.trust(stage.authority));
  const auto revoked = stage.authority.issue({});
  const auto with_list = stage.make(stage.trust(stage.authority, stage.authority.revocations({revoked})));
  const auto anybody = stage.make(nullptr);
  TlsConnection(stage).establish(server, trusting, "localhost");
  TlsConnection(stage).establish(server, trusting, "LocalHost");
  TlsConnection(stage).establish(server, trusting, "127.0.0.1");
  TlsConnection(stage).establish(server, trusting, "");  // that of the address
  TlsConnection(stage).establish(server, with_list);
  TlsConnection(stage).establish(server, anybody, "example.com");
}

TEST_CASE("TLS: a client without the certificate that is asked for") {
  TlsStage stage;
  auto settings = stage.settings();
  settings.client_trust = stage.trust(stage.authority);
  const auto server = stage.make(settings);
  SUBCASE("TLS 1.2: the handshake fails") {
    // A client that believes anybody has an opinion of the certificate all the same; it is not what went wrong.
    const auto failed = shake(stage, server, stage.make(nullptr), "localhost");
    CHECK(failed.at_server == "TLS: peer did not return a certificate");
    CHECK(failed.at_client == "TLS: the peer's alert: sslv3 alert handshake failure");
  }
  SUBCASE("TLS 1.3: the client learns it behind its end of the handshake") {
    TlsConnection c(stage);
    c.open(server, stage.make(stage.trust(stage.authority)));
    c.shake_hands();
    REQUIRE(c.at_client.connected->has_value());
    c.client->start_reading();
    run_until(stage.loop, [&] { return c.at_client.end.has_value() && c.at_server.end.has_value(); });
    CHECK(c.at_client.end == ReadEnd::kBroken);
    CHECK(c.client->failure() == "TLS: the peer's alert: tlsv13 alert certificate required");
    CHECK(c.server.stream().failure() == "TLS: peer did not return a certificate");
    CHECK(!c.client->peer_identity());
  }
}

TEST_CASE("TLS: no version in common") {
  TlsStage stage;
  auto settings = stage.settings();
  settings.min_version = TlsVersion::k13;
  const auto failed = shake(stage, stage.make(settings), stage.make(stage.trust(stage.authority)), "localhost");
  CHECK(failed.at_server == "TLS: unsupported protocol");
  CHECK(failed.at_client == "TLS: the peer's alert: tlsv1 alert protocol version");
}

TEST_CASE("TLS: a peer that cannot be dialled") {
  TlsStage stage;
  const auto context = stage.make(stage.trust(stage.authority));
  stage.listening.close();
  TlsConnection c(stage);
  c.dial(context);
  run_until(stage.loop, [&] { return c.at_client.connected.has_value(); });
  REQUIRE(!c.at_client.connected->has_value());
  CHECK(c.client_error().find("refused") != std::string::npos);
  CHECK(stage.loop.tls_counts().backends.failed.read() == 0);  // no handshake has begun
}

TEST_CASE("TLS: a server that ends the connection in the handshake") {
  TlsStage stage;
  const auto context = stage.make(stage.trust(stage.authority));
  TlsConnection c(stage);
  c.dial(context);
  c.client->write(as_bytes("early"));
  Socket(stage.accept()).close();
  run_until(stage.loop, [&] { return c.at_client.connected.has_value(); });
  CHECK(c.client_error().find(" during the handshake") != std::string::npos);
  CHECK(stage.loop.tls_counts().backends.failed.read() == 1);
  CHECK(c.client->queued() == 0);
  run_some(stage.loop);
  CHECK(c.at_client.ends == 0);
}

TEST_CASE("TLS: a server that speaks no TLS") {
  TlsStage stage;
  const auto context = stage.make(stage.trust(stage.authority));
  TlsConnection c(stage);
  c.dial(context);
  Socket peer(stage.accept());
  peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  run_until(stage.loop, [&] { return c.at_client.connected.has_value(); });
  CHECK(c.client_error() == "TLS: wrong version number");
}

TEST_CASE("TLS: what is written to a connection that has failed in the handshake is dropped") {
  TlsStage stage;
  const auto context = stage.make(stage.settings());
  test::FakeStream below;
  TlsStream stream(stage.loop, below, context.new_connection(), TlsStream::Role::kServer);
  Recorder recorder;
  stream.set_handler(recorder);
  stream.start_reading();
  below.room = 0;
  test::OpenSslPeer peer(test::client_context());
  REQUIRE(peer.go_on());
  REQUIRE(below.receive(peer.take()));
  stage.loop.turn(Loop::Patience::kNone);
  REQUIRE(stream.queued() > 0);
  below.fail();
  CHECK(recorder.written == 1);
  CHECK(stream.write_failed());
  stream.write(as_bytes("late"));
  CHECK(stream.queued() == 0);
  stream.close();
  below.say_closed();
  CHECK(recorder.closed == 1);
}

TEST_CASE("TLS: what OpenSSL cannot set up fails, as the connection would") {
  TlsStage stage;
  TlsConnection c(stage);
  c.dial(OpenSslOwner<SSL>());
  run_until(stage.loop, [&] { return c.at_client.connected.has_value(); });
  CHECK(c.client_error() == "TLS: no memory, or no name to check the certificate by");
}

}  // namespace drover::net
