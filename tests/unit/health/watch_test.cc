// One backend's watch, where what it makes of a look is not the rule of every day.
#include "health/watch.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <memory>
#include <string>

#include "server.h"

namespace drover::health::test {

namespace {

using balancer::ProbeState;
using namespace std::chrono_literals;

struct Fixture {
  Fixture() {
    settings.name = "pool";
    settings.slow_start = 1h;
    settings.health_check.interval = 100ms;
    settings.health_check.timeout = 200ms;
    config::BackendSpec spec;
    spec.name = "a";
    spec.address = {server.address().ip_text(), server.address().port(), server.address().text()};
    backend = std::make_shared<balancer::Backend>("pool", spec);
  }
  void watch(Watch::Arrival arrival = Watch::Arrival::kAtStart) {
    const Watch::Start start{loop.now(), 0.5, arrival};
    one = std::make_unique<Watch>(loop, dialler, backend, Watch::Terms(settings), start, [this] { ++changes; });
  }
  void until(const std::function<bool()>& happened) { net::run_until(loop, happened); }
  double ramp() { return backend->ramp(loop.now()); }

  net::Loop loop;
  net::TlsDialler dialler{nullptr};
  Server server{loop};
  config::Pool settings;
  std::shared_ptr<balancer::Backend> backend;
  int changes = 0;
  std::unique_ptr<Watch> one;
};

// No more descriptors for this process, as long as it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("who comes later starts slowly without any probe, and who comes back as up") {
  Fixture it;
  SUBCASE("no probes") {
    it.settings.health_check.interval = 0ms;
  }
  SUBCASE("it was up when it left") {
    it.backend->set_probe(ProbeState::kUp);
  }
  it.watch(Watch::Arrival::kLater);
  CHECK(it.backend->probe() == ProbeState::kUp);
  CHECK(it.ramp() < 0.06);
}

TEST_CASE("who is there from the start does not start slowly") {
  Fixture it;
  it.settings.health_check.interval = 0ms;
  it.watch();
  CHECK(it.ramp() == 1.0);
}

TEST_CASE("a look that Drover has no descriptor for is no verdict") {
  Fixture it;
  it.settings.health_check.fall = 1;
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  const auto accepted = it.server.accepted;
  {
    const NoDescriptors none;
    const auto later = it.loop.now() + 400ms;  // several looks
    it.until([&] { return it.loop.now() > later; });
    CHECK(it.server.accepted == accepted);
    CHECK(it.backend->probe() == ProbeState::kUp);
  }
  it.until([&] { return it.server.accepted > accepted; });
  CHECK(it.changes == 1);
}

TEST_CASE("a word that the agent takes back before any probe has ended leaves it as it was") {
  Fixture it;
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  it.settings.health_check.timeout = 1h;
  Server agent(it.loop);
  it.settings.health_check.agent_port = agent.address().port();
  std::string line = "down\n";
  agent.script = [&](Peer& peer) { peer.send(line); };
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  line = "up\n";
  it.until([&] { return it.backend->probe() == ProbeState::kChecking; });
  CHECK(it.one->obstacle() == "not checked yet");
  CHECK(it.changes == 2);
}

TEST_CASE("who is found down at first comes up slowly, and its failures until then are forgotten") {
  Fixture it;
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  it.server.script = answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  CHECK(!it.backend->load().latency.reading().last());  // how fast it fails is not how fast it works
  CHECK(it.one->obstacle() == "answered 503 to GET /health, expected 200");
  it.backend->note_failure();
  it.server.script = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  CHECK(it.ramp() < 0.06);
  CHECK(it.backend->note_failure() == 1);
  CHECK(it.backend->load().latency.reading().last());
}

TEST_CASE("an ejection ends, with a slow start; it doubles, and is forgiven") {
  Fixture it;
  it.settings.health_check.interval = 0ms;
  it.settings.ejection.base_time = 200ms;
  it.backend->set_ejected(true);  // of a watch that is gone
  it.watch();
  CHECK(!it.backend->ejected());
  const auto eject = [&] {
    it.one->eject();
    CHECK(it.backend->ejected());
    const std::string obstacle = it.one->obstacle();
    it.until([&] { return !it.backend->ejected(); });
    CHECK(it.one->obstacle().empty());
    return obstacle;
  };
  CHECK(eject() == "ejected for 200ms");
  CHECK(it.ramp() < 0.06);
  CHECK(eject() == "ejected for 400ms");
  CHECK(it.changes == 4);
  const auto forgiven = it.loop.now() + 400ms;
  it.until([&] { return it.loop.now() > forgiven; });
  CHECK(eject() == "ejected for 200ms");
}

TEST_CASE("what the agent takes back is taken back") {
  Fixture it;
  Server agent(it.loop);
  it.settings.health_check.agent_port = agent.address().port();
  std::string line = "drain maxconn:5 0%\n";
  agent.script = [&](Peer& peer) { peer.send(line); };
  it.watch();
  it.until([&] { return it.backend->max_connections() == 5 && it.backend->probe() == ProbeState::kUp; });
  CHECK(!it.backend->open());
  CHECK(it.changes == 2);  // up, and closed by the agent
  CHECK(it.one->obstacle() == "drain");
  line = "ready\n";
  it.until([&] { return it.backend->operator_state() == balancer::OperatorState::kReady; });
  CHECK(it.one->obstacle() == "the agent says 0%");
  line = "ready maxconn:0 100%\n";
  it.until([&] { return it.backend->open(); });
  CHECK(it.backend->max_connections() == 0);
  CHECK(it.changes == 3);
}

TEST_CASE("the rate that Drover itself carries is that since the last look") {
  Fixture it;
  it.watch();
  const auto rate = [&] { return it.backend->load().own_message_rate.last(); };
  it.until([&] { return rate().has_value(); });
  it.backend->traffic(0).messages_in.add(600);
  it.backend->traffic(0).messages_out.add(400);
  it.until([&] { return rate()->value > 0; });
  it.until([&] { return rate()->value == 0; });
}

TEST_CASE("what has not come in time is cut, and may come no more") {
  Fixture it;
  Server agent(it.loop);
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  it.settings.health_check.interval = 24h;
  it.settings.health_check.agent_port = agent.address().port();
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  CHECK(it.one->obstacle() == "no answer within 200ms");
  it.until([&] { return it.server.peers.back()->end && agent.peers.back()->end; });
  CHECK(it.server.accepted == 1);
  CHECK(agent.accepted == 1);
}

TEST_CASE("a watch may go at any moment of a look") {
  Fixture it;
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  it.watch();
  SUBCASE("before it") {}
  SUBCASE("while it connects") {
    it.until([&] { return it.server.accepted == 1; });
  }
  SUBCASE("while it waits for the answer") {
    it.until([&] { return !it.server.peers.empty() && !it.server.peers.back()->received.empty(); });
  }
  it.one.reset();
  net::run_some(it.loop);
  CHECK(it.backend->probe() == ProbeState::kChecking);
  CHECK(it.changes == 0);
}

TEST_CASE("another check is a look of another kind, and until then the backend counts as it did") {
  Fixture it;
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  const auto looks = it.server.accepted;
  it.server.stop();  // from now on it is refused
  SUBCASE("at once") {
    it.settings.health_check.interval = 1h;
    it.settings.health_check.fall = 1;
    it.one->adopt(Watch::Terms(it.settings), it.loop.now());
    CHECK(it.backend->probe() == ProbeState::kUp);
    it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  }
  SUBCASE("none at all: it is up") {
    it.until([&] { return it.backend->probe() == ProbeState::kDown; });
    it.settings.health_check.interval = 0ms;
    it.one->adopt(Watch::Terms(it.settings), it.loop.now());
    CHECK(it.backend->probe() == ProbeState::kUp);
    CHECK(it.one->obstacle().empty());
  }
  SUBCASE("over TLS, which nobody speaks there") {
    config::BackendTls tls;
    tls.verify = false;
    auto trusts = std::make_shared<net::TlsTrusts>();
    REQUIRE(trusts->add({.verify = false, .ca = "", .crl = ""}));
    it.dialler = net::TlsDialler(trusts);
    it.settings.health_check.fall = 1;
    it.one->adopt(Watch::Terms(it.settings, &tls), it.loop.now());
    it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  }
  CHECK(it.server.accepted >= looks);
}

TEST_CASE("what an agent has said is forgotten with it") {
  Fixture it;
  it.settings.health_check.agent_port = it.server.address().port();
  it.settings.health_check.interval = 1h;
  it.watch();
  it.backend->set_agent_state(balancer::OperatorState::kDrain);
  it.backend->set_weight_percent(0);
  CHECK(!it.backend->open());
  const int before = it.changes;
  it.settings.health_check.agent_port = 0;
  it.one->adopt(Watch::Terms(it.settings), it.loop.now());
  CHECK(it.backend->open());
  CHECK(it.changes > before);
}

TEST_CASE("other settings than those of looks begin no look") {
  Fixture it;
  it.settings.health_check.interval = 1h;
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  it.settings.slow_start = 0ms;
  it.settings.ejection.base_time = 1h;
  const auto looks = it.server.accepted;
  it.one->adopt(Watch::Terms(it.settings), it.loop.now());
  net::run_some(it.loop);
  CHECK(it.server.accepted == looks);
  it.one->eject();
  CHECK(it.one->obstacle() == "ejected for 1h");
}

}  // namespace drover::health::test
