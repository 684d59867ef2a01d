// Resumption: who may come back with a ticket, to which listener, and for how long.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tls_peer.h"

namespace drover::net {

namespace {

using Session = std::shared_ptr<SSL_SESSION>;

// A connection that comes back with `session`, where there is one.
struct Visit : PeerClient {
  template <class Change>
  Visit(const test::Context& client, const Session& session, Change change) : PeerClient(client, change) {
    if (session != nullptr) REQUIRE(SSL_set_session(peer.ssl(), session.get()) == 1);
    REQUIRE(peer.go_on());
    until([&] { return handshakes() == 1 && (peer.is_open() || peer.error == SSL_ERROR_SSL); });
    if (loop.tls_counts().clients.failed.read() == 0) {
      stream().write(as_bytes("behind the ticket"));
      until([&] { return text == "behind the ticket"; });
    }
  }
  bool resumed() const { return loop.tls_counts().clients.resumed.read() == 1; }
  bool failed() const { return loop.tls_counts().clients.failed.read() == 1; }
  Session session() const { return {SSL_get1_session(peer.ssl()), SSL_SESSION_free}; }
};

std::string ticket_of(const Visit& visit) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(visit.session().get(), &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

int tickets = 0;

test::Context client_that_counts(int version) {
  tickets = 0;
  auto made = test::client_context(version);
  SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(made.get(), [](SSL*, SSL_SESSION*) {
    ++tickets;
    return 0;
  });
  return made;
}

}  // namespace

TEST_CASE("TLS: our client resumes with our server, over contexts that share their ticket keys") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    TlsStage stage;
    auto settings = stage.settings();
    const auto here = stage.make(settings);
    const auto there = stage.make(settings);
    settings.ticket_keys = std::make_shared<TicketKeys>();
    const auto stranger = stage.make(settings);
    const auto client = stage.make(stage.trust(stage.authority));
    const auto& counts = stage.loop.tls_counts();
    const auto connect = [&](const TlsServerContext& server, const std::string& name = "localhost") {
      TlsConnection c(stage, newest);
      c.establish(server, client, name);
      c.server.stream().write(as_bytes("behind the ticket"));
      run_until(stage.loop, [&] { return !c.at_client.text.empty(); });
    };
    connect(here);
    CHECK(counts.clients.full.read() == 1);
    connect(here);
    connect(there);
    connect(here);
    CHECK(counts.clients.full.read() == 1);
    CHECK(counts.clients.resumed.read() == 3);
    CHECK(counts.backends.full.read() == 1);
    CHECK(counts.backends.resumed.read() == 3);
    connect(stranger);
    CHECK(counts.clients.full.read() == 2);
    connect(stranger, "127.0.0.1");  // for another name, a session of its own
    CHECK(counts.clients.full.read() == 3);
    CHECK(counts.clients.resumed.read() == 3);
    CHECK(counts.clients.failed.read() + counts.backends.failed.read() == 0);
  }
}

TEST_CASE("TLS: the sessions of those who believe one authority are nothing to those who believe another") {
  TlsStage stage;
  const auto server = stage.make(stage.settings());
  const auto client = stage.make(stage.trust(stage.authority));
  TlsConnection(stage).establish(server, client);
  const Authority other("Somebody else");
  const auto strict = stage.make(stage.trust(other));  // the sessions of one context are not those of another
  TlsConnection c(stage);
  c.open(server, strict);
  run_until(stage.loop, [&] { return c.at_client.connected.has_value(); });
  CHECK(!*c.at_client.connected);
}

TEST_CASE("TLS: a handshake brings exactly one ticket") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsStage stage;
    const auto same = [&](auto& settings) { settings.ticket_keys = stage.ticket_keys; };
    const auto client = client_that_counts(version);
    const Visit first(client, nullptr, same);
    CHECK(tickets == 1);
    const Visit second(client, first.session(), same);
    CHECK(second.resumed());
    CHECK(tickets == (version == TLS1_3_VERSION ? 2 : 1));  // with TLS 1.2, the old one is good enough
  }
}

TEST_CASE("TLS: a ticket of an old key is good, and replaced; one of a key that is gone is not") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsStage stage;
    const auto same = [&](auto& settings) { settings.ticket_keys = stage.ticket_keys; };
    const auto client = test::client_context(version);
    const Visit first(client, nullptr, same);
    stage.ticket_keys->current(monotonic_now() + TicketKeys::kRotation);
    const Visit second(client, first.session(), same);
    CHECK(second.resumed());
    CHECK(ticket_of(second) != ticket_of(first));
    stage.ticket_keys->current(monotonic_now() + TicketKeys::kRotation + TicketKeys::kTicketLifetime);
    CHECK(!Visit(client, first.session(), same).resumed());
    CHECK(Visit(client, second.session(), same).resumed());
  }
}

TEST_CASE("TLS: nobody gets around a client's certificate with a ticket") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsStage stage;
    const Authority other("Another");
    const auto client = test::client_context(version);
    const auto ann = stage.authority.issue({.common_name = "Ann"});
    REQUIRE(SSL_CTX_use_certificate(client.get(), ann.certificate.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(client.get(), ann.key.get()) == 1);
    const auto nobody = test::client_context(version);
    const auto open = [&](auto& settings) { settings.ticket_keys = stage.ticket_keys; };
    const auto asks = [&](auto& settings) {
      settings.ticket_keys = stage.ticket_keys;
      settings.client_trust = stage.trust(stage.authority);
    };
    const auto asks_for_others = [&](auto& settings) {
      settings.ticket_keys = stage.ticket_keys;
      settings.client_trust = stage.trust(other);
    };
    const Visit without(nobody, nullptr, open);
    CHECK(Visit(nobody, without.session(), open).resumed());
    CHECK(Visit(nobody, without.session(), asks).failed());
    const Visit with(client, nullptr, asks);
    const Visit again(client, with.session(), asks);
    CHECK(again.resumed());
    REQUIRE(again.server.tls()->peer_identity());
    CHECK(again.server.tls()->peer_identity()->subject == "CN=Ann");
    CHECK(again.server.tls()->peer_identity()->fingerprint == with.server.tls()->peer_identity()->fingerprint);
    CHECK(Visit(client, with.session(), asks_for_others).failed());
    CHECK(!Visit(client, with.session(), open).resumed());
  }
}

TEST_CASE("TLS: a client does not outlive its certificate by tickets") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsStage stage;
    const auto client = test::client_context(version);
    const auto trust = stage.trust(stage.authority);
    X509_STORE_set_flags(trust->store(), X509_V_FLAG_NO_CHECK_TIME);  // it was good when the session began
    const auto asks = [&](auto& settings) {
      settings.ticket_keys = stage.ticket_keys;
      settings.client_trust = trust;
    };
    const auto show = [&](const Identity& whose) {
      REQUIRE(SSL_CTX_use_certificate(client.get(), whose.certificate.get()) == 1);
      REQUIRE(SSL_CTX_use_PrivateKey(client.get(), whose.key.get()) == 1);
    };
    show(stage.authority.issue({.common_name = "Ann", .from = -7200, .to = -3600}));
    const Visit first(client, nullptr, asks);
    CHECK(!Visit(client, first.session(), asks).resumed());
    show(stage.authority.issue({.common_name = "Bob"}));
    const Visit valid(client, nullptr, asks);
    CHECK(Visit(client, valid.session(), asks).resumed());
  }
}

TEST_CASE("TLS: the session of a backend whose certificate has expired is not resumed, where it is verified") {
  for (const auto newest : {Newest::k12, Newest::k13}) {
    CAPTURE(name_of(newest));
    TlsStage stage;
    const auto server = stage.make(stage.settings({.from = -7200, .to = -3600}));
    const auto trust = stage.trust(stage.authority);
    X509_STORE_set_flags(trust->store(), X509_V_FLAG_NO_CHECK_TIME);  // it was good when the session began
    const auto strict = stage.make(trust);
    const auto anybody = stage.make(nullptr);
    const auto connect = [&](const TlsClientContext& client) {
      TlsConnection c(stage, newest);
      c.establish(server, client);
      c.server.stream().write(as_bytes("behind the ticket"));
      run_until(stage.loop, [&] { return !c.at_client.text.empty(); });
    };
    for (int time = 0; time < 2; ++time) connect(strict);
    CHECK(stage.loop.tls_counts().backends.full.read() == 2);
    for (int time = 0; time < 2; ++time) connect(anybody);
    CHECK(stage.loop.tls_counts().backends.resumed.read() == 1);
  }
}

TEST_CASE("TLS: loops of several threads share certificates, trust and ticket keys, and nothing else") {
  TlsStage shared;
  const auto ann = shared.authority.issue({.common_name = "Ann"});
  auto settings = shared.settings();
  settings.client_trust = shared.trust(shared.authority);
  std::vector<Session> sessions(4);
  std::vector<std::thread> threads;
  std::vector<int> resumed(4, 0);
  const auto visit = [&](std::size_t thread, std::size_t session) {
    const auto client = test::client_context();
    SSL_CTX_use_certificate(client.get(), ann.certificate.get());
    SSL_CTX_use_PrivateKey(client.get(), ann.key.get());
    for (int time = 0; time < 5; ++time) {
      const Visit again(client, sessions[session], [&](auto& wanted) { wanted = settings; });
      if (again.resumed()) ++resumed[thread];
      sessions[session] = again.session();
    }
  };
  const auto run = [&](std::size_t shift) {
    for (std::size_t at = 0; at < 4; ++at) threads.emplace_back(visit, at, (at + shift) % 4);
    for (auto& thread : threads) thread.join();
    threads.clear();
  };
  run(0);
  run(1);  // each with what another's server has given
  for (const int each : resumed) CHECK(each == 9);
}

}  // namespace drover::net
