// What the main thread makes of names and their changes; the name server is the test's own, on the same loop.
#include "app/fleet.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "balancer/lease.h"
#include "config/load.h"
#include "unit/health/name_server.h"
#include "unit/net/driving.h"

namespace drover::app {

namespace {

using balancer::ProbeState;
using health::NameServer;
using health::RecordType;

config::Config config_of(const std::string& text) {
  auto loaded = config::load_text("{listen: ':1', health_check: {interval: 0s}, " + text + "}", "test", {});
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

struct Fixture {
  explicit Fixture(const std::string& text) : config(asking(config_of(text))) {}

  config::Config asking(config::Config asked) const {
    asked.nameservers = {server.endpoint()};
    return asked;
  }
  // A reload; the names are known when it is over.
  void reload(const std::string& text) {
    auto next = asking(config_of(text));
    auto resolver = fleet.resolver_for(next);
    REQUIRE(resolver);
    fleet.adopt(next, trusts, *std::move(resolver));
  }

  // What web.test means from now on; good for no time at all, so that it is asked again after a second.
  void set(const std::vector<std::string>& ips) {
    server.answering[{"web.test", RecordType::kA}] = [ips](const health::Asked& query) {
      std::vector<health::Record> records;
      for (const auto& ip : ips) records.push_back(health::Record::a("web.test", ip, 0));
      return NameServer::message(query, health::Rcode::kNoError, records);
    };
  }
  std::vector<std::shared_ptr<balancer::Backend>> backends() const {
    const auto all = fleet.snapshot()->pools.at(0)->backends();
    return {all.begin(), all.end()};
  }
  std::string names() const {
    std::string all;
    for (const auto& backend : backends()) all += backend->name() + " ";
    return all;
  }

  net::Loop loop;
  NameServer server{loop};
  config::Config config;
  std::vector<std::shared_ptr<const proxy::Snapshot>> changes;
  std::function<void()> on_change = [] {};
  std::shared_ptr<const net::TlsTrusts> trusts = std::make_shared<net::TlsTrusts>();
  Fleet fleet{loop, config, 2, trusts, [this](const auto& snapshot) {
                changes.push_back(snapshot);
                on_change();
              }};
};

}  // namespace

TEST_CASE("without names nobody is asked, and the snapshot is there at once") {
  Fixture it("backends: ['127.0.0.1:80', '[::1]:81']");
  REQUIRE(it.fleet.start());
  CHECK(it.names() == "127.0.0.1:80 [::1]:81 ");
  CHECK(it.server.asked.empty());
  CHECK(it.backends()[0]->probe() == ProbeState::kChecking);
  it.fleet.begin_checks();
  CHECK(it.backends()[0]->probe() == ProbeState::kUp);  // there is no interval
  CHECK(it.changes.empty());
}

TEST_CASE("tokens stay good when a name's addresses change, with a configured secret and with a drawn one") {
  for (const std::string resume : {"", ", resume: {secrets: [correct horse battery staple]}"}) {
    Fixture it("backends: ['web.test:80']" + resume);
    it.set({"10.0.0.1"});
    REQUIRE(it.fleet.start());
    const auto keys = it.fleet.snapshot()->token_keys;
    REQUIRE(keys != nullptr);
    it.set({"10.0.0.2"});
    net::run_until(it.loop, [&] { return it.changes.size() == 1; });
    CHECK(it.changes[0]->token_keys == keys);
  }
}

TEST_CASE("a token of another Drover with the same secret is good from the start") {
  Fixture it("backends: ['10.0.0.1:80'], resume: {secrets: [correct horse battery staple]}");
  REQUIRE(it.fleet.start());
  const auto now = migration::WallClock::now();
  const migration::ResumeToken token{
      .resume_id = {}, .pool = "default", .backend = {}, .expires = now + Milliseconds(60'000)};
  const auto sealed = migration::TokenKeys::make({"correct horse battery staple"})->seal(token);
  CHECK(it.fleet.snapshot()->token_keys->open(sealed, now));
}

TEST_CASE("the start waits for the names") {
  Fixture it("backends: [{name: web, address: 'web.test:80'}, '127.0.0.1:80']");
  it.set({"10.0.0.1", "10.0.0.2"});
  REQUIRE(it.fleet.start());
  CHECK(it.names() == "web@10.0.0.1:80 web@10.0.0.2:80 127.0.0.1:80 ");
  CHECK(it.changes.empty());  // the first is not a change
}

TEST_CASE("but not for ever, and a late answer is a change") {
  Fixture it("backends: ['web.test:80']");
  it.server.stay_silent("web.test");
  const auto before = monotonic_now();
  REQUIRE(it.fleet.start());
  CHECK(monotonic_now() - before < 2 * Fleet::kPatience);
  CHECK(it.backends().empty());
  it.fleet.begin_checks();
  it.server.answer("web.test", health::Rcode::kNoError);
  it.set({"10.0.0.1"});
  net::run_until(it.loop, [&] { return !it.changes.empty(); });
  CHECK(it.names() == "web.test:80@10.0.0.1:80 ");
  CHECK(it.backends()[0]->probe() == ProbeState::kUp);
}

TEST_CASE("a change: who is gone leaves once the workers know, who is new is looked after, who stays stays") {
  Fixture it("backends: [{name: web, address: 'web.test:80'}]");
  it.set({"10.0.0.1", "10.0.0.2"});
  REQUIRE(it.fleet.start());
  it.fleet.begin_checks();
  const auto first = it.fleet.snapshot();
  const auto before = it.backends();
  const auto lease = balancer::Lease::take(before[0]);
  bool left_too_soon = false;
  it.on_change = [&] { left_too_soon = left_too_soon || before[0]->leaving(); };

  it.set({"10.0.0.2", "10.0.0.3"});
  net::run_until(it.loop, [&] { return it.changes.size() == 1; });
  CHECK(it.changes[0] == it.fleet.snapshot());
  CHECK(it.changes[0] != first);
  REQUIRE(it.names() == "web@10.0.0.2:80 web@10.0.0.3:80 ");
  CHECK(!left_too_soon);
  CHECK(before[0]->leaving());
  CHECK(before[0]->active() == 1);
  CHECK(it.backends()[0] == before[1]);
  CHECK(!before[1]->leaving());
  CHECK(it.backends()[1]->probe() == ProbeState::kUp);
  CHECK(first->pools[0]->backends()[0] == before[0]);  // a handshake that goes by it still finds it there

  it.set({"10.0.0.1"});
  net::run_until(it.loop, [&] { return it.changes.size() == 2; });
  CHECK(it.backends() == std::vector{before[0]});
  CHECK(!before[0]->leaving());
  CHECK(before[1]->leaving());
}

TEST_CASE("nobody that is gone is ejected; somebody that is there may be") {
  Fixture it("backends: [{name: web, address: 'web.test:80'}]");
  it.set({"10.0.0.1", "10.0.0.2"});
  REQUIRE(it.fleet.start());
  it.fleet.begin_checks();
  const auto before = it.backends();
  it.set({"10.0.0.2", "10.0.0.3"});
  net::run_until(it.loop, [&] { return it.changes.size() == 1; });
  it.fleet.consider_ejection(before[0]);
  CHECK(!before[0]->ejected());
  it.fleet.consider_ejection(before[1]);
  CHECK(before[1]->ejected());
}

TEST_CASE("a fleet may go while names and probes are under way") {
  net::Loop loop;
  NameServer server(loop);
  auto config = config_of("backends: ['web.test:80', '127.0.0.1:1']");
  config.pools[0].health_check.interval = Milliseconds(100);
  config.nameservers = {server.endpoint()};
  {
    Fleet fleet(loop, config, 1, nullptr, [](const auto&) {});
    REQUIRE(fleet.start());
    fleet.begin_checks();
    const auto asked = server.asked.size();
    server.stay_silent("web.test");
    net::run_until(loop, [&] { return server.asked.size() > asked; });
  }
  net::run_some(loop);
}

TEST_CASE("what checks may take of the descriptors: a probe and a question to the agent each, within bounds") {
  const auto reserve = [](const std::string& text) {
    auto loaded = config::load_text("{listen: ':1', " + text + "}", "test", {});
    REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
    return descriptors_for_checks(*loaded.config);
  };
  CHECK(reserve("backends: ['127.0.0.1:1', '127.0.0.1:2']") == 2);
  CHECK(reserve("backends: ['127.0.0.1:1', '127.0.0.1:2'], health_check: {agent_port: 3}") == 4);
  CHECK(reserve("backends: ['127.0.0.1:1'], health_check: {interval: 0s}") == 0);
  CHECK(reserve("backends: ['web.test:1']") == 9);  // c-ares' sockets
  std::string many;
  for (int port = 1; port <= 200; ++port) many += "'127.0.0.1:" + std::to_string(port) + "',";
  CHECK(reserve("backends: [" + many + "]") == 128);
}

TEST_CASE("a reload: who is gone leaves with that cause once the workers know, who stays is the same") {
  Fixture it("backends: ['127.0.0.1:80', '127.0.0.1:81']");
  REQUIRE(it.fleet.start());
  it.fleet.begin_checks();
  const auto before = it.backends();
  std::vector<std::shared_ptr<balancer::Backend>> left;
  std::size_t changes_before = 0;
  it.fleet.call_when_leaving([&](auto backends, migration::Cause cause) {
    CHECK(cause == migration::Cause::kReload);
    changes_before = it.changes.size();
    left = std::move(backends);
  });
  it.reload("attempts: 2, backends: ['127.0.0.1:81', '127.0.0.1:82']");
  REQUIRE(it.names() == "127.0.0.1:81 127.0.0.1:82 ");  // without probes the new one is up at once
  CHECK(it.backends()[0] == before[1]);
  CHECK(left == std::vector{before[0]});
  CHECK(changes_before == 1);
  CHECK(before[0]->leaving());
  CHECK(it.fleet.snapshot()->pools[0]->settings().attempts == 2);
}

TEST_CASE("a reload: the removed stay while the added are not up, and go when their time is over") {
  Fixture it("backends: ['127.0.0.1:80']");
  REQUIRE(it.fleet.start());
  it.fleet.begin_checks();
  const auto old = it.backends()[0];
  auto next = it.asking(config_of("reload_wait: 200ms, backends: ['127.0.0.1:1']"));
  next.pools[0].health_check.interval = Milliseconds(100);
  it.fleet.adopt(next, it.trusts, nullptr);
  CHECK(it.names() == "127.0.0.1:1 127.0.0.1:80 ");
  CHECK(old->open());
  net::run_until(it.loop, [&] { return it.changes.size() == 2; });
  CHECK(it.names() == "127.0.0.1:1 ");
  CHECK(old->leaving());
}

TEST_CASE("a reload: names come and go, and a leaving address has DNS as its cause") {
  Fixture it("backends: ['127.0.0.1:80']");
  REQUIRE(it.fleet.start());
  it.fleet.begin_checks();
  std::vector<migration::Cause> causes;
  it.fleet.call_when_leaving([&](const auto&, migration::Cause cause) { causes.push_back(cause); });
  it.set({"10.0.0.1"});
  it.reload("backends: ['web.test:80']");
  CHECK(it.names() == "127.0.0.1:80 ");  // stays until something is known of the name
  net::run_until(it.loop, [&] { return it.names() == "web.test:80@10.0.0.1:80 "; });
  it.set({"10.0.0.2"});
  net::run_until(it.loop, [&] { return it.names() == "web.test:80@10.0.0.2:80 "; });
  CHECK(causes == std::vector{migration::Cause::kReload, migration::Cause::kDns});
  it.reload("backends: ['127.0.0.1:80']");
  CHECK(it.names() == "127.0.0.1:80 ");
  it.reload("backends: ['web.test:80']");
  net::run_until(it.loop, [&] { return it.names() == "web.test:80@10.0.0.2:80 "; });
}

TEST_CASE("a reload: TLS of a backend that stays is another one for later dials") {
  Fixture it("backends: ['127.0.0.1:80']");
  REQUIRE(it.fleet.start());
  it.fleet.begin_checks();
  const auto backend = it.backends()[0];
  auto trusts = std::make_shared<net::TlsTrusts>();
  REQUIRE(trusts->add({.verify = false, .ca = "", .crl = ""}));
  const auto before = it.fleet.snapshot();
  it.trusts = trusts;
  it.reload("backends: [{address: '127.0.0.1:80', tls: {verify: false, server_name: x}}]");
  REQUIRE(it.backends()[0] == backend);
  CHECK(before->pools[0]->tls_of(*backend) == nullptr);
  REQUIRE(it.fleet.snapshot()->pools[0]->tls_of(*backend) != nullptr);
  CHECK(it.fleet.snapshot()->pools[0]->tls_of(*backend)->server_name == "x");
}

}  // namespace drover::app
