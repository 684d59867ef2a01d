// A storm of handshakes takes a few steps a turn, first come first served, and what is established goes on meanwhile.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/openssl_peer.h"
#include "tls_fixture.h"

namespace drover::net {

namespace {

// A client that has said hello, and what has become of it.
struct Arrival {
  Arrival(TlsStage& stage, const TlsServerContext& context, const test::Context& client)
      : peer(client), wire(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), server(stage.loop) {
    REQUIRE(::connect(wire.fd(), stage.address.raw(), stage.address.raw_size()) == 0);
    REQUIRE(server.open(stage.accept(), recorder, &context));
    server.stream().start_reading();
    REQUIRE(peer.go_on());
    wire.send(peer.take());
  }
  bool is_answered() {
    answered = answered || !wire.receive().empty();
    return answered;
  }
  test::OpenSslPeer peer;
  Socket wire;
  Transport server;
  Recorder recorder;
  bool answered = false;
};

struct Storm : TlsStage {
  ~Storm() {
    for (const auto& each : arrivals) each->server.stream().close();
    run_until(loop, [&] {
      return std::ranges::all_of(arrivals, [](const auto& each) { return each->recorder.closed == 1; });
    });
  }
  void come(int count) {
    for (int at = 0; at < count; ++at) {
      arrivals.push_back(std::make_unique<Arrival>(*this, server_context, client));
    }
  }
  // How many have been answered so far.
  long answered() {
    return std::ranges::count_if(arrivals, [](const auto& each) { return each->is_answered(); });
  }
  // Then what is not answered waits in the queue.
  void wait_until_read() {
    run_until(loop, [&] {
      loop.post([] {});
      return std::ranges::all_of(arrivals, [](const auto& each) { return each->server.stream().unread() == 0; });
    });
  }

  TlsServerContext server_context = make(settings());
  TlsClientContext client_context = make(trust(authority));
  test::Context client = test::client_context();
  std::vector<std::unique_ptr<Arrival>> arrivals;
};

}  // namespace

TEST_CASE("TLS: no turn does more than a few steps of handshakes") {
  Storm f;
  static std::size_t begun = 0;
  const auto count = [](SSL*, int*, void*) {
    ++begun;
    return SSL_CLIENT_HELLO_SUCCESS;
  };
  SSL_CTX_set_client_hello_cb(SSL_get_SSL_CTX(f.server_context.new_connection().get()), count, nullptr);
  f.come(20);
  std::size_t most = 0;
  run_until(f.loop, [&] {
    const auto before = begun;
    f.loop.turn(Loop::Patience::kNone);
    most = std::max(most, begun - before);
    f.loop.post([] {});
    return begun >= 20;
  });
  CHECK(most == TurnQueue::kJobsATurn);
}

TEST_CASE("TLS: handshakes are served in the order of coming") {
  Storm f;
  f.come(20);
  f.wait_until_read();
  f.come(20);
  const auto answered = [&](std::size_t from) {
    return std::ranges::count_if(std::span(f.arrivals).subspan(from, 20),
                                 [](const auto& each) { return each->is_answered(); });
  };
  run_until(f.loop, [&] {
    const long late = answered(20);
    const long early = answered(0);  // looked at behind the others
    if (late > 0) CHECK(early == 20);
    f.loop.post([] {});
    return late == 20;
  });
}

TEST_CASE("TLS: an established stream goes on while handshakes wait") {
  Storm f;
  TlsConnection tunnel(f);
  tunnel.establish(f.server_context, f.client_context);
  f.come(60);
  f.wait_until_read();
  int trips = 0;
  std::size_t seen = 0;
  run_until(f.loop, [&] {
    if (tunnel.at_server.text.size() == seen) {
      ++seen;
      tunnel.client->write(as_bytes("x"));
      ++trips;
    }
    f.loop.post([] {});
    return f.answered() == 60;
  });
  CHECK(trips > 3);
}

}  // namespace drover::net
