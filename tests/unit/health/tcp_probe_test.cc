// A probe that only connects, and what all probes say when they cannot.
#include <doctest/doctest.h>

#include "server.h"

namespace drover::health {
namespace {

using test::Look;
using Type = config::HealthCheck::Type;

TEST_CASE("tcp: a backend that takes the connection is up, and the connection ends at once") {
  Look look(Type::kTcp);
  const auto said = look.result();
  CHECK(said.verdict);
  REQUIRE(said.round_trip);
  CHECK(said.round_trip->count() > 0);
  CHECK(said.round_trip < std::chrono::seconds(20));
  CHECK(!said.report);
  net::run_until(look.loop, [&] { return look.server.peers.size() == 1 && look.server.peers[0]->end.has_value(); });
  CHECK(look.server.peers[0]->end == net::ReadEnd::kEof);
  CHECK(look.server.peers[0]->received.empty());
}

TEST_CASE("a refused connection is the backend's failure, whatever the probe") {
  for (const auto type : {Type::kTcp, Type::kHttp, Type::kWebSocket}) {
    Look look(type);
    look.server.stop();
    CHECK(look.failure() == "connection refused");
    CHECK(look.code == Code::kConnectFailed);
    CHECK(!look.results[0].round_trip);
  }
}

TEST_CASE("an address that fails at once is told from the loop all the same") {
  net::Loop loop;
  net::Address broadcast = *net::Address::from_literal("255.255.255.255", 1);
  std::vector<ProbeResult> results;
  const auto probe = make_tcp_probe(loop);
  probe->start(broadcast, nullptr, [&](const ProbeResult& said) { results.push_back(said); });
  CHECK(results.empty());
  net::run_until(loop, [&] { return !results.empty(); });
  CHECK(!results[0].verdict);
  CHECK(results.size() == 1);
}

TEST_CASE("without descriptors nothing is said of the backend") {
  for (const auto type : {Type::kTcp, Type::kHttp, Type::kWebSocket}) {
    Look look(type);
    std::optional<ProbeResult> said;
    {
      const net::FewDescriptors few;
      said = look.result();
    }
    REQUIRE(!said->verdict);
    CHECK(said->verdict.error().side == Side::kDrover);
    CHECK(said->verdict.error().code == Code::kOwnResources);
  }
}

}  // namespace
}  // namespace drover::health
