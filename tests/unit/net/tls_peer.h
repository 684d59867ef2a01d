// A TLS stream whose peer is the test's own: a plain socket, or OpenSSL behind one.
#pragma once

#include <sys/ioctl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/openssl_peer.h"
#include "tls_fixture.h"

namespace drover::net {

// A server's end of a connection whose other end is a plain socket.
struct BareClient : TlsStage {
  BareClient() : BareClient([](TlsServerContext::Settings&) {}) {}
  template <class Change>
  explicit BareClient(Change change, int buffer = 0)
      : TlsStage(buffer),
        context(make_changed(change)),
        server(loop),
        wire(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    REQUIRE(::connect(wire.fd(), address.raw(), address.raw_size()) == 0);
    REQUIRE(server.open(accept(), recorder, &context));
    stream().start_reading();
  }
  ~BareClient() {
    stream().close();
    run_until(loop, [&] { return recorder.closed == 1; });
  }
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;

  ByteStream& stream() { return server.stream(); }
  // How the stream failed; empty: it just ended.
  std::string failure() {
    run_until(loop, [&] { return recorder.end.has_value(); });
    CHECK(recorder.ends == 1);
    return std::string(stream().failure());
  }

  // Until the stream has read all that is on the wire, and done with it.
  void settle() {
    run_until(loop, [&] {
      loop.post([] {});
      int on_the_way = 0;
      REQUIRE(::ioctl(wire.fd(), TIOCOUTQ, &on_the_way) == 0);
      return on_the_way == 0 && stream().unread() == 0;
    });
    run_some(loop);
  }

  TlsServerContext context;
  Transport server;
  Recorder recorder;
  Socket wire;

 private:
  template <class Change>
  TlsServerContext make_changed(Change change) {
    auto wanted = settings();
    change(wanted);
    return make(wanted);
  }
};

// The same with OpenSSL at the other end.
struct PeerClient : BareClient {
  explicit PeerClient(const test::Context& client) : peer(client) {}
  template <class Change>
  PeerClient(const test::Context& client, Change change, int buffer = 0) : BareClient(change, buffer), peer(client) {}

  // One turn, and what the peer makes of what has come.
  void pump() {
    loop.turn(Loop::Patience::kNone);
    to_wire += peer.take();
    if (!to_wire.empty()) {
      const auto sent = ::send(wire.fd(), to_wire.data(), to_wire.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) to_wire.erase(0, static_cast<std::size_t>(sent));
    }
    if (!reads) return;
    const auto came = wire.receive();
    if (came.empty()) return;
    peer.give(came);
    text += peer.read();
  }
  template <class Happened>
  void until(Happened happened) {
    run_until(loop, [&] {
      pump();
      loop.post([] {});  // the loop knows nothing of the peer's socket
      return happened();
    });
  }
  void establish() {
    REQUIRE(peer.go_on());
    until([&] { return handshakes() == 1 && peer.is_open(); });
    REQUIRE(loop.tls_counts().clients.failed.read() == 0);
  }

  test::OpenSslPeer peer;
  std::string to_wire;  // what waits for the socket
  bool reads = true;    // the peer
  std::string text;     // what it has read
};

}  // namespace drover::net
