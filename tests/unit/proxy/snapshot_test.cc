// From configuration and addresses to pools: what a name becomes, and that a backend stays the object that it was.
#include "proxy/snapshot.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "balancer/lease.h"
#include "config/load.h"

namespace drover::proxy {

namespace {

config::Config config_of(const std::string& pools) {
  auto loaded = config::load_text("{listen: ':1', " + pools + "}", "test", {});
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

// With a port that is not the backend's.
std::vector<net::Address> ips(const std::vector<std::string>& texts) {
  std::vector<net::Address> addresses;
  for (const auto& text : texts) addresses.push_back(*net::Address::from_literal(text, 53));
  return addresses;
}

std::string names(const balancer::Pool& pool) {
  std::string all;
  for (const auto& backend : pool.backends()) all += backend->name() + " ";
  return all;
}

struct Fixture {
  std::shared_ptr<const balancer::Pool> pool(const Addresses& addresses, std::size_t index = 0) {
    return make_snapshot(config, addresses, registry, ledger, nullptr, nullptr)->pools.at(index);
  }
  config::Config config;
  balancer::Registry registry{2};
  observe::Ledger ledger{2};
};

}  // namespace

TEST_CASE("a name becomes a backend for each of its addresses") {
  Fixture it{config_of("backends: [{name: web, address: 'web.test:8080', weight: 3, max_connections: 9}]")};
  const auto pool = it.pool({{"web.test", ips({"10.0.0.1", "::1"})}});
  REQUIRE(names(*pool) == "web@10.0.0.1:8080 web@[::1]:8080 ");
  const auto backends = pool->backends();
  CHECK(backends[0]->address() == config::Endpoint{"10.0.0.1", 8080, "10.0.0.1:8080"});
  CHECK(backends[1]->address() == config::Endpoint{"::1", 8080, "[::1]:8080"});
  for (const auto& backend : backends) {
    CHECK(backend->pool() == "default");
    CHECK(backend->authority() == "web.test:8080");
    CHECK(backend->weight() == 3);
    CHECK(backend->max_connections() == 9);
  }
}

TEST_CASE("a backend of a name is asked for by that name in TLS, unless it is to be asked for by another") {
  Fixture it{
      config_of("backends: [{address: 'web.test:1', tls: {}}, {address: 'web.test:2', tls: {server_name: x}},"
                " {address: 'web.test:3'}, {address: '10.0.0.1:4', tls: {}}]")};
  const auto pool = it.pool({{"web.test", ips({"10.0.0.1"})}});
  const auto backends = pool->backends();
  REQUIRE(backends.size() == 4);
  CHECK(backends[0]->tls()->server_name == "web.test");
  CHECK(backends[1]->tls()->server_name == "x");
  CHECK(!backends[2]->tls());
  CHECK(backends[3]->tls()->server_name.empty());
}

TEST_CASE("where it has no name of its own, a backend is called by the address as written") {
  Fixture it{config_of("backends: ['web.test:8080', '127.0.0.1:80', '[::1]:81']")};
  const auto pool = it.pool({{"web.test", ips({"10.0.0.1"})}});
  REQUIRE(names(*pool) == "web.test:8080@10.0.0.1:8080 127.0.0.1:80 [::1]:81 ");
  CHECK(pool->backends()[1]->authority() == "127.0.0.1:80");
  CHECK(pool->backends()[2]->authority() == "[::1]:81");
  CHECK(pool->backends()[2]->address().host == "::1");
}

TEST_CASE("a name that nothing is known of has no backend, and takes none from the others") {
  Fixture it{config_of("backends: [{name: web, address: 'web.test:80'}, '127.0.0.1:80']")};
  CHECK(names(*it.pool({{"other.test", ips({"10.0.0.1"})}})) == "127.0.0.1:80 ");
  Fixture alone{config_of("backends: ['web.test:80']")};
  CHECK(alone.pool({})->backends().empty());
  CHECK(alone.pool({})->name() == "default");
}

TEST_CASE("pools are in the order of the configuration; one address in two of them is two backends") {
  Fixture it{
      config_of("pools: {b: {backends: ['127.0.0.1:80']}, a: {backends: ['127.0.0.1:80']}}, "
                "routes: [{pool: a}]")};
  const auto snapshot = make_snapshot(it.config, {}, it.registry, it.ledger, nullptr, nullptr);
  REQUIRE(snapshot->pools.size() == 2);
  for (std::size_t index = 0; index < 2; ++index) {
    CHECK(snapshot->pools[index]->name() == it.config.pools[index].name);
    CHECK(snapshot->pools[index]->backends()[0]->pool() == it.config.pools[index].name);
  }
  CHECK(snapshot->pools[0]->backends()[0] != snapshot->pools[1]->backends()[0]);
}

TEST_CASE("each pool is counted under its name, in every snapshot that has it") {
  Fixture it{
      config_of("pools: {b: {backends: ['127.0.0.1:80']}, a: {backends: ['127.0.0.1:80']}}, "
                "routes: [{pool: a}]")};
  const auto before = make_snapshot(it.config, {}, it.registry, it.ledger, nullptr, nullptr);
  REQUIRE(before->ledgers.size() == 2);
  CHECK(before->ledgers[0] == &it.ledger.of_pool(it.config.pools[0].name));
  CHECK(before->ledgers[1] == &it.ledger.of_pool(it.config.pools[1].name));
  CHECK(before->ledgers[0] != before->ledgers[1]);
  CHECK(make_snapshot(it.config, {}, it.registry, it.ledger, nullptr, nullptr)->ledgers == before->ledgers);
}

TEST_CASE("the next snapshot has the same backends, with their counts and states") {
  Fixture it{config_of("backends: [{name: web, address: 'web.test:80'}, '127.0.0.1:80']")};
  const auto before = it.pool({{"web.test", ips({"10.0.0.1", "10.0.0.2"})}});
  const auto gone = before->backends()[0];
  const auto stays = before->backends()[1];
  const auto lease = balancer::Lease::take(stays);
  stays->set_probe(balancer::ProbeState::kUp);
  stays->set_operator_state(balancer::OperatorState::kDrain);
  stays->note_session();

  const auto after = it.pool({{"web.test", ips({"10.0.0.2", "10.0.0.3"})}});
  REQUIRE(names(*after) == "web@10.0.0.2:80 web@10.0.0.3:80 127.0.0.1:80 ");
  CHECK(after->backends()[0] == stays);
  CHECK(after->backends()[2] == before->backends()[2]);
  CHECK(stays->active() == 1);
  CHECK(stays->sessions() == 1);
  CHECK(stays->probe() == balancer::ProbeState::kUp);
  CHECK(stays->operator_state() == balancer::OperatorState::kDrain);

  gone->set_leaving(true);  // by whoever compares the two
  const auto back = it.pool({{"web.test", ips({"10.0.0.1"})}});
  CHECK(back->backends()[0] == gone);
  CHECK(!gone->leaving());
}

TEST_CASE("whom a snapshot trusts: prefixes of one bit, of all, of either family") {
  Fixture it{
      config_of("backends: ['127.0.0.1:80'], trusted_proxies: ['10.0.0.0/9', '128.0.0.0/1', '192.0.2.1', '::1/128', "
                "'2001:db8::/33']")};
  const auto snapshot = make_snapshot(it.config, {}, it.registry, it.ledger, nullptr, nullptr);
  const auto trusts = [&](const std::string& ip) { return snapshot->trusts(*net::Address::from_literal(ip, 1)); };
  for (const char* ip : {"10.127.255.255", "128.0.0.0", "255.1.1.1", "::1", "2001:db8:7fff::1"}) CHECK(trusts(ip));
  for (const char* ip : {"10.128.0.0", "127.0.0.1", "::2", "2001:db8:8000::1", "a00::"}) CHECK(!trusts(ip));
}

}  // namespace drover::proxy
