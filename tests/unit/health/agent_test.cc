// An agent's line, and agents that do not keep to it.
#include "health/agent.h"

#include <doctest/doctest.h>

#include "server.h"

namespace drover::health {
namespace {

using test::Peer;
using test::Server;

struct Asking {
  // Sends `text` when the query connects.
  void say(const std::string& text) {
    server.script = [text](Peer& peer) { peer.send(text); };
  }
  void start() {
    query = make_agent_query(loop);
    query->start(server.address(), [this](Result<AgentReport> said) { reports.push_back(std::move(said)); });
    CHECK(reports.empty());
  }
  Result<AgentReport> report() {
    reports.clear();
    start();
    net::run_until(loop, [this] { return !reports.empty(); });
    net::run_some(loop);
    REQUIRE(reports.size() == 1);
    return reports.front();
  }
  std::string failure() {
    const auto said = report();
    REQUIRE(!said);
    CHECK(said.error().side == Side::kBackend);
    return said.error().detail;
  }

  net::Loop loop;
  Server server{loop};
  std::unique_ptr<AgentQuery> query;
  std::vector<Result<AgentReport>> reports;
};

}  // namespace

TEST_CASE("agent: a line is read up to its end, and the connection ends") {
  for (const std::string text : {"up 75%\n", "up 75%\r\n", "up 75%\nfail\n", "up 75%\r"}) {
    CAPTURE(text);
    Asking asking;
    asking.say(text);
    const auto said = asking.report();
    REQUIRE(said);
    CHECK(said->health == AgentReport::Health::kUp);
    CHECK(said->weight_percent == 75);
    net::run_until(asking.loop, [&] { return asking.server.peers[0]->end.has_value(); });
    CHECK(asking.server.peers[0]->received.empty());
  }
}

TEST_CASE("agent: a line may come in pieces, and end with the connection") {
  Asking asking;
  asking.server.script = [&](Peer& peer) {
    peer.send("up 7");
    asking.loop.post([&] {
      peer.send("5%");
      asking.loop.post([&] { peer.finish(); });
    });
  };
  const auto said = asking.report();
  REQUIRE(said);
  CHECK(said->weight_percent == 75);
}

TEST_CASE("agent: a line of 1024 bytes is read, a longer one is not waited for") {
  Asking asking;
  const std::string up = "up 75% #";
  asking.say(up + std::string(1024 - up.size(), 'x') + "\n");
  CHECK(asking.report());
  asking.say(up + std::string(1025 - up.size(), 'x'));
  CHECK(!asking.failure().empty());
  asking.say(std::string(1'000'000, 'x'));
  CHECK(!asking.failure().empty());
}

TEST_CASE("agent: nothing that means anything is a failure") {
  Asking asking;
  asking.say("\n");
  CHECK(!asking.failure().empty());
  asking.server.script = [](Peer& peer) { peer.finish(); };
  CHECK(!asking.failure().empty());
}

TEST_CASE("agent: a reset and a refusal are failures") {
  Asking asking;
  asking.server.script = [&](Peer& peer) {
    peer.send("up");
    asking.loop.post([&] { peer.reset(); });
  };
  CHECK(asking.failure() == "reset the connection before its line was whole");
  asking.server.stop();
  CHECK(asking.failure() == "connection refused");
}

TEST_CASE("agent: a query that is destroyed says nothing, and its descriptor is closed at once") {
  Asking asking;
  const auto before = test::descriptors();
  asking.start();
  net::run_until(asking.loop, [&] { return !asking.server.peers.empty(); });
  CHECK(test::descriptors() == before + 2);
  asking.query.reset();
  CHECK(test::descriptors() == before + 1);
  net::run_until(asking.loop, [&] { return asking.server.peers[0]->end.has_value(); });
  CHECK(asking.reports.empty());
}

TEST_CASE("agent: a query may be destroyed where it speaks") {
  Asking asking;
  asking.say("up\n");
  const auto before = test::descriptors();
  int spoken = 0;
  std::function<void(Result<AgentReport>)> done = [&](const Result<AgentReport>& said) {
    CHECK(said);
    asking.query.reset();
    if (++spoken == 1000) return;
    asking.query = make_agent_query(asking.loop);
    asking.query->start(asking.server.address(), done);
  };
  asking.query = make_agent_query(asking.loop);
  asking.query->start(asking.server.address(), done);
  net::run_until(asking.loop, [&] { return spoken == 1000 && test::descriptors() == before; });
}

}  // namespace drover::health
