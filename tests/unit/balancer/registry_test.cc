// The same backend for the same identity, as long as somebody has it.
#include "balancer/registry.h"

#include <doctest/doctest.h>

#include "backends.h"

namespace drover::balancer {

namespace {

config::BackendSpec spec(const std::string& name, const std::string& address = "10.0.0.1:80") {
  config::BackendSpec spec;
  spec.name = name;
  spec.address = {.host = address.substr(0, address.find(':')), .port = 80, .text = address};
  return spec;
}

}  // namespace

TEST_CASE("registry: pool, name and address make the identity") {
  Registry registry(1);
  const auto backend = registry.find_or_make("chat", spec("a"));
  CHECK(backend->pool() == "chat");
  CHECK(backend->name() == "a");
  CHECK(backend->address().text == "10.0.0.1:80");
  CHECK(registry.find_or_make("chat", spec("a")) == backend);
  CHECK(registry.find_or_make("game", spec("a")) != backend);
  CHECK(registry.find_or_make("chat", spec("b")) != backend);
  CHECK(registry.find_or_make("chat", spec("a", "10.0.0.2:80")) != backend);
  CHECK(registry.find_or_make("chat", spec("a")) == backend);
}

TEST_CASE("registry: what comes back has its history, and the new weight and limit") {
  Registry registry(1);
  const auto backend = registry.find_or_make("chat", spec("a"));
  backend->set_probe(ProbeState::kUp);
  backend->set_ejected(true);
  backend->set_operator_state(OperatorState::kDrain);
  backend->set_agent_state(OperatorState::kMaintenance);
  backend->note_failure();
  backend->set_leaving(true);
  const auto leases = hold(backend, 2);

  auto changed = spec("a");
  changed.weight = 7;
  changed.max_connections = 50;
  REQUIRE(registry.find_or_make("chat", changed) == backend);
  CHECK(backend->weight() == 7);
  CHECK(backend->max_connections() == 50);
  CHECK(!backend->leaving());
  CHECK(backend->probe() == ProbeState::kUp);
  CHECK(backend->ejected());
  CHECK(backend->operator_state() == OperatorState::kMaintenance);  // the agent's
  CHECK(backend->agent_state() == OperatorState::kMaintenance);
  CHECK(backend->failures() == 1);
  CHECK(backend->active() == 2);
}

TEST_CASE("registry: what was set since lasts until the configuration says something else") {
  Registry registry(1);
  auto wanted = spec("a");
  wanted.weight = 3;
  wanted.max_connections = 100;
  const auto backend = registry.find_or_make("chat", wanted);
  backend->set_weight(9);
  backend->set_max_connections(30);  // the agent: maxconn:30
  REQUIRE(registry.find_or_make("chat", wanted) == backend);
  CHECK(backend->weight() == 9);
  CHECK(backend->max_connections() == 30);
}

TEST_CASE("registry: a change of one of them makes all of them the file's, and the backend ready") {
  Registry registry(1);
  auto wanted = spec("a");
  wanted.weight = 3;
  wanted.max_connections = 100;
  const auto backend = registry.find_or_make("chat", wanted);
  backend->set_weight(9);
  backend->set_max_connections(30);
  backend->set_operator_state(OperatorState::kMaintenance);
  SUBCASE("weight") {
    wanted.weight = 4;
  }
  SUBCASE("max_connections") {
    wanted.max_connections = 50;
  }
  SUBCASE("tls") {
    wanted.tls.emplace();
  }
  REQUIRE(registry.find_or_make("chat", wanted) == backend);
  CHECK(backend->weight() == wanted.weight);
  CHECK(backend->max_connections() == wanted.max_connections);
  CHECK(backend->operator_state() == OperatorState::kReady);
  backend->set_operator_state(OperatorState::kDrain);
  registry.find_or_make("chat", wanted);
  CHECK(backend->operator_state() == OperatorState::kDrain);  // that was not another change
}

TEST_CASE("registry: a session keeps its backend known, its end has it forgotten") {
  Registry registry(1);
  auto backend = registry.find_or_make("chat", spec("a"));
  backend->set_probe(ProbeState::kDown);
  const std::weak_ptr<Backend> watch = backend;
  {
    const auto lease = Lease::take(std::move(backend));
    CHECK(registry.find_or_make("chat", spec("a")) == watch.lock());
  }
  CHECK(watch.expired());
  const auto anew = registry.find_or_make("chat", spec("a"));
  CHECK(anew->probe() == ProbeState::kChecking);
  CHECK(anew->active() == 0);
}

TEST_CASE("registry: backends have room for the traffic of so many workers") {
  Registry registry(3);
  const auto backend = registry.find_or_make("chat", spec("a"));
  for (unsigned worker = 0; worker < 3; ++worker) backend->traffic(worker).messages_in.add(worker + 1);
  CHECK(backend->traffic_totals().messages_in == 6);
}

}  // namespace drover::balancer
