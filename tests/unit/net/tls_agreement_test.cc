// What a TLS connection has agreed on, and whether a client's next one resumes its session.
#include <doctest/doctest.h>

#include <optional>

#include "tls_fixture.h"

namespace drover::net {

namespace {

using Resumption = TlsClientContext::Resumption;

// So many connections one after the other, each with a byte from the server, behind which no ticket is under way.
struct Visits {
  std::uint64_t full;
  std::uint64_t resumed;
};
Visits visit(unsigned times, std::optional<Resumption> resumption) {
  TlsStage stage;
  const auto server_context = TlsStage::make(stage.settings());
  const auto client_context =
      resumption ? TlsClientContext::make(nullptr, *resumption) : TlsClientContext::make(nullptr);
  REQUIRE(client_context);
  for (unsigned visit = 0; visit < times; ++visit) {
    TlsConnection connection(stage);
    connection.establish(server_context, *client_context);
    connection.server.stream().write(as_bytes("x"));
    run_until(stage.loop, [&] { return connection.at_client.text == "x"; });
  }
  const auto& counts = stage.loop.tls_counts().backends;
  return {.full = counts.full.read(), .resumed = counts.resumed.read()};
}

}  // namespace

TEST_CASE("a TLS connection says what it has agreed on, once it has") {
  TlsStage stage;
  const auto server_context = TlsStage::make(stage.settings());
  const auto client_context = TlsStage::make(nullptr);
  for (const auto& [newest, agreed] : {std::pair{Newest::k12, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 x25519"},
                                       std::pair{Newest::k13, "TLSv1.3 TLS_AES_256_GCM_SHA384 x25519"}}) {
    TlsConnection connection(stage, newest);
    connection.open(server_context, client_context);
    CHECK(connection.client->agreed().empty());
    connection.shake_hands();
    CHECK(connection.client->agreed() == agreed);
    CHECK(connection.server.tls()->agreed() == agreed);
    connection.finish();
    CHECK(connection.client->agreed().empty());
  }
}

TEST_CASE("a client resumes its last session, or none where that is not wanted") {
  const Visits usual = visit(2, std::nullopt);
  CHECK(usual.full == 1);
  CHECK(usual.resumed == 1);
  const Visits none = visit(2, Resumption::kNone);
  CHECK(none.full == 2);
  CHECK(none.resumed == 0);
}

}  // namespace drover::net
