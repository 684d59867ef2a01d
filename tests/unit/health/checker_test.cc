// Watches and their checker over real sockets on one loop: what becomes of a backend's states.
#include "health/checker.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server.h"

namespace drover::health::test {

namespace {

using balancer::Backend;
using balancer::OperatorState;
using balancer::ProbeState;
using namespace std::chrono_literals;

std::shared_ptr<Backend> backend_at(const std::string& name, const net::Address& address) {
  config::BackendSpec spec;
  spec.name = name;
  spec.address = {.host = address.ip_text(), .port = address.port(), .text = address.text()};
  return std::make_shared<Backend>("pool", spec);
}

// Quick: the least interval that the configuration allows.
config::Pool quick() {
  config::Pool settings;
  settings.name = "pool";
  settings.health_check.interval = 100ms;
  settings.health_check.timeout = 200ms;
  settings.health_check.fall = 2;
  settings.health_check.rise = 2;
  return settings;
}

struct Fixture {
  void watch() { checker.watch({std::make_shared<const balancer::Pool>(settings, backends)}); }
  void until(const std::function<bool()>& happened) { net::run_until(loop, happened); }

  net::Loop loop;
  config::Pool settings = quick();
  Server server{loop};
  net::TlsDialler dialler{nullptr};
  Checker checker{loop, dialler, 0.5};
  std::shared_ptr<Backend> backend = backend_at("a", server.address());
  std::vector<std::shared_ptr<Backend>> backends = {backend};
};

}  // namespace

TEST_CASE("a backend is found up, down after its falls, and up again after its rises, slowly") {
  Fixture it;
  it.settings.slow_start = 1h;
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  int probes = 0;
  it.server.script = [&](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;
    ++probes;
    peer.send(answer);
  };
  it.watch();
  CHECK(it.backend->probe() == ProbeState::kChecking);
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  CHECK(probes == 1);
  CHECK(it.backend->ramp(it.loop.now()) == 1.0);  // there from the start: nobody is warmer

  answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
  probes = 0;
  it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  CHECK(probes == 2);

  answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  probes = 0;
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  CHECK(probes == 2);
  CHECK(it.backend->ramp(it.loop.now()) < 0.06);
}

TEST_CASE("who comes later starts slowly") {
  Fixture it;
  it.settings.slow_start = 1h;
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  const auto later = backend_at("b", it.server.address());
  it.backends.push_back(later);
  it.watch();
  it.until([&] { return later->probe() == ProbeState::kUp; });
  CHECK(later->ramp(it.loop.now()) < 0.06);
  CHECK(it.backend->ramp(it.loop.now()) == 1.0);
}

TEST_CASE("never two probes at once to one backend") {
  Fixture it;
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  it.settings.health_check.timeout = 450ms;  // several intervals
  std::size_t most = 0;
  std::size_t all = 0;
  it.server.script = [&](Peer& peer) {
    if (!peer.received.ends_with("\r\n\r\n")) return;  // and no answer
    ++all;
    most = std::max(most, static_cast<std::size_t>(std::ranges::count_if(
                              it.server.peers, [](const auto& one) { return one->in_use() && !one->end; })));
  };
  it.watch();
  it.until([&] { return all == 4; });
  CHECK(most == 1);
  CHECK(it.backend->probe() == ProbeState::kDown);
}

TEST_CASE("without an interval everybody is up, and nobody is looked at") {
  Fixture it;
  it.settings.health_check.interval = 0ms;
  it.server.stop();
  it.watch();
  CHECK(it.backend->probe() == ProbeState::kUp);
  net::run_some(it.loop);
  CHECK(it.backend->probe() == ProbeState::kUp);
}

TEST_CASE("what is watched no more is not looked at, and keeps its state for when it comes back") {
  Fixture it;
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  it.server.stop();
  it.backends.clear();
  it.watch();
  CHECK(it.backend->probe() == ProbeState::kUp);
  it.backends = {it.backend};
  it.watch();
  CHECK(it.backend->probe() == ProbeState::kUp);
  it.until([&] { return it.backend->probe() == ProbeState::kDown; });
}

TEST_CASE("ejection: within the share, never the last, and for a time") {
  Fixture it;
  it.settings.health_check.interval = 0ms;
  it.settings.ejection = {.failures = 5, .base_time = 200ms, .max_ejected_percent = 50};
  for (const char* name : {"b", "c", "d"}) it.backends.push_back(backend_at(name, it.server.address()));
  it.watch();
  for (const auto& backend : it.backends) it.checker.consider_ejection(backend);
  CHECK(it.backends[0]->ejected());
  CHECK(it.backends[1]->ejected());
  CHECK(!it.backends[2]->ejected());  // 50 % of four
  CHECK(!it.backends[3]->ejected());
  it.backends[0]->note_failure();
  it.until([&] { return !it.backends[0]->ejected() && !it.backends[1]->ejected(); });
  CHECK(it.backends[0]->note_failure() == 1);  // its failures are forgotten

  it.backends.resize(2);
  it.settings.ejection.max_ejected_percent = 100;
  it.watch();
  it.backends[1]->set_operator_state(OperatorState::kDrain);
  it.checker.consider_ejection(it.backends[0]);
  CHECK(!it.backends[0]->ejected());  // the other one gets no sessions
  it.backends[1]->set_operator_state(OperatorState::kReady);
  it.checker.consider_ejection(it.backends[0]);
  CHECK(it.backends[0]->ejected());
}

TEST_CASE("ejection: one that nobody has judged yet is no other to rely on, and who is ejected is not ejected again") {
  Fixture it;
  it.settings.health_check.interval = 0ms;
  it.settings.ejection = {.failures = 5, .base_time = 500ms, .max_ejected_percent = 100};
  for (const char* name : {"b", "c"}) it.backends.push_back(backend_at(name, it.server.address()));
  it.watch();
  for (const std::size_t other : {1U, 2U}) it.backends[other]->set_probe(ProbeState::kChecking);
  it.checker.consider_ejection(it.backends[0]);
  CHECK(!it.backends[0]->ejected());
  it.backends[1]->set_probe(ProbeState::kUp);
  const auto begun = it.loop.now();
  it.checker.consider_ejection(it.backends[0]);
  it.checker.consider_ejection(it.backends[0]);
  it.until([&] { return !it.backends[0]->ejected(); });
  CHECK(it.loop.now() - begun < 1s);  // the second would last for a second
}

TEST_CASE("the first looks at many are no burst") {
  Fixture it;
  for (int number = 0; number < 100; ++number)
    it.backends.push_back(backend_at(std::to_string(number), it.server.address()));
  it.settings.health_check.interval = 1h;
  const auto begun = it.loop.now();
  it.watch();
  it.until([&] {
    return std::ranges::all_of(it.backends, [](const auto& one) { return one->probe() == ProbeState::kUp; });
  });
  CHECK(it.loop.now() - begun > 800ms);  // 10 ms apart
}

TEST_CASE("a backend that is not watched is not ejected") {
  Fixture it;
  it.settings.health_check.interval = 0ms;
  it.watch();
  const auto stranger = backend_at("z", it.server.address());
  it.checker.consider_ejection(stranger);
  CHECK(!stranger->ejected());
}

TEST_CASE("what the agent says: each word its own state") {
  Fixture it;
  it.settings.health_check.agent_port = it.server.address().port();
  std::string line = "ready up 100%\n";
  // Agent and probe share a port: the probe only connects.
  it.server.script = [&](Peer& peer) {
    peer.send(line);
    peer.finish();
  };
  it.watch();
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  line = "drain 50% maxconn:9 nonsense\n";
  it.until([&] { return it.backend->operator_state() == OperatorState::kDrain; });
  CHECK(it.backend->weight_percent() == 50);
  CHECK(it.backend->max_connections() == 9);
  CHECK(it.backend->probe() == ProbeState::kUp);
  CHECK(it.backend->load().ignored > 0);
  line = "ready down\n";
  it.until([&] { return it.backend->probe() == ProbeState::kDown; });
  CHECK(it.backend->operator_state() == OperatorState::kReady);
  CHECK(it.backend->weight_percent() == 50);  // nothing was said of it
  // The operator's own word is not undone by the agent's.
  it.backend->set_operator_state(OperatorState::kMaintenance);
  line = "ready up\n";
  it.until([&] { return it.backend->probe() == ProbeState::kUp; });
  CHECK(it.backend->operator_state() == OperatorState::kMaintenance);
}

TEST_CASE("load, latency and the rate that Drover itself carries come with the probes") {
  Fixture it;
  it.settings.health_check.type = config::HealthCheck::Type::kHttp;
  it.server.script = answering("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"cpu_usage\": 0.4}");
  it.watch();
  it.until([&] { return it.backend->load().cpu.last().has_value(); });
  CHECK(it.backend->load().cpu.last()->value == 0.4);
  CHECK(it.backend->load().latency.reading().last()->value > 0);
  it.backend->traffic(0).messages_in.add(1'000'000);
  it.until([&] {
    const auto rate = it.backend->load().own_message_rate.last();
    return rate && rate->value > 0;
  });
}

TEST_CASE("a tcp probe's latency stands in only while nothing better is known") {
  Fixture it;
  it.watch();
  const auto& reading = it.backend->load().latency.reading();
  it.until([&] { return reading.last().has_value(); });
  const auto first = reading.last()->at;
  it.until([&] { return reading.last()->at > first; });
  it.backend->load().latency.add(50ms, it.loop.now());
  const auto measured = *reading.last();
  const auto looks = it.server.accepted;
  it.until([&] { return it.server.accepted >= looks + 3; });
  CHECK(reading.last()->value == measured.value);
}

}  // namespace drover::health::test
