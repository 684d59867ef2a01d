// Who stays in a pool after a reload, for whom, and for how long.
#include "app/handovers.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace drover::app {

namespace {

using balancer::ProbeState;
using namespace std::chrono_literals;

constexpr MonotonicTime kStart{Milliseconds(1'000'000)};

struct Fixture {
  std::shared_ptr<balancer::Backend> make(const std::string& name, ProbeState state = ProbeState::kUp) {
    config::BackendSpec spec;
    spec.name = name;
    auto backend = std::make_shared<balancer::Backend>("chat", spec);
    backend->set_probe(state);
    return backend;
  }
  using Backends = std::vector<std::shared_ptr<balancer::Backend>>;
  Handovers::Pools pools(Backends backends, const std::vector<std::string>& names = {}) {
    config::Pool settings;
    settings.name = "chat";
    settings.health_check.interval = interval;
    for (const auto& name : names) {
      config::BackendSpec spec;
      spec.address.host = name;
      settings.backends.push_back(spec);
    }
    return {std::make_shared<const balancer::Pool>(settings, std::move(backends))};
  }
  // Those of the configuration, and those that stay.
  Handovers::Pools now(Backends backends) {
    const auto guests = handovers.staying();
    for (const auto& [pool, staying] : guests) {
      for (const auto& one : staying) backends.push_back(one.backend);
    }
    return pools(backends);
  }
  std::string staying() const {
    std::string names;
    for (const auto& [pool, backends] : handovers.staying()) {
      for (const auto& one : backends) names += one.backend->name() + " ";
    }
    return names;
  }

  Milliseconds interval{5'000};
  Handovers handovers;
};

}  // namespace

TEST_CASE("handovers: the removed stay until the added are up") {
  Fixture it;
  const auto old = it.make("old");
  const auto kept = it.make("kept");
  const auto added = it.make("added", ProbeState::kChecking);
  it.handovers.reload(it.pools({old, kept}), it.pools({kept, added}), {}, kStart + 10s);
  CHECK(it.staying() == "old ");
  CHECK(!it.handovers.settle(kStart));
  added->set_probe(ProbeState::kDown);
  CHECK(!it.handovers.settle(kStart + 9s));
  added->set_probe(ProbeState::kUp);
  CHECK(it.handovers.settle(kStart + 9s));
  CHECK(it.handovers.empty());
}

TEST_CASE("handovers: but not for ever") {
  Fixture it;
  const auto old = it.make("old");
  it.handovers.reload(it.pools({old}), it.pools({it.make("added", ProbeState::kChecking)}), {}, kStart + 10s);
  CHECK(!it.handovers.settle(kStart + 9'999ms));
  CHECK(it.handovers.settle(kStart + 10s));
  CHECK(it.handovers.empty());
}

TEST_CASE("handovers: nobody stays where none was added, where all that were are up, and where the pool is gone") {
  Fixture it;
  const auto old = it.make("old");
  const auto kept = it.make("kept", ProbeState::kDown);
  SUBCASE("none") {
    it.handovers.reload(it.pools({old, kept}), it.pools({kept}), {}, kStart + 10s);
  }
  SUBCASE("up") {
    it.handovers.reload(it.pools({old}), it.pools({it.make("added")}), {}, kStart + 10s);
  }
  SUBCASE("without probes everybody is up") {
    it.interval = 0ms;
    it.handovers.reload(it.pools({old}), it.pools({it.make("added", ProbeState::kChecking)}), {}, kStart + 10s);
  }
  SUBCASE("gone") {
    it.handovers.reload(it.pools({old}), {}, {}, kStart + 10s);
  }
  CHECK(it.handovers.empty());
}

TEST_CASE("handovers: another reload goes on with those that wait, by their own time") {
  Fixture it;
  const auto first = it.make("first");
  const auto second = it.make("second");
  const auto added = it.make("added", ProbeState::kChecking);
  const auto later = it.make("later", ProbeState::kChecking);
  it.handovers.reload(it.pools({first, second}), it.pools({second, added}), {}, kStart + 10s);
  it.handovers.reload(it.now({second, added}), it.pools({added, later}), {}, kStart + 15s);
  CHECK(it.staying() == "first second ");
  CHECK(it.handovers.settle(kStart + 10s));
  CHECK(it.staying() == "second ");
  added->set_probe(ProbeState::kUp);
  CHECK(!it.handovers.settle(kStart + 11s));  // the later one is waited for as well
  later->set_probe(ProbeState::kUp);
  CHECK(it.handovers.settle(kStart + 11s));
}

TEST_CASE("handovers: who comes back just stays, and who has gone again is not waited for") {
  Fixture it;
  const auto first = it.make("first");
  const auto second = it.make("second");
  const auto added = it.make("added", ProbeState::kChecking);
  it.handovers.reload(it.pools({first, second}), it.pools({added}), {}, kStart + 10s);
  it.handovers.reload(it.now({added}), it.pools({first, added}), {}, kStart + 20s);
  CHECK(it.staying() == "second ");
  it.handovers.reload(it.now({first, added}), it.pools({first}), {}, kStart + 30s);
  CHECK(it.handovers.settle(kStart));
  CHECK(it.handovers.empty());
}

TEST_CASE("handovers: a new name is waited for until it is known, and then its addresses until they are up") {
  Fixture it;
  const auto old = it.make("old");
  const auto found = it.make("found", ProbeState::kChecking);
  const proxy::Addresses known{{"web.test", {net::Address()}}};
  it.handovers.reload(it.pools({old}), it.pools({}, {"web.test"}), {}, kStart + 10s);
  CHECK(it.staying() == "old ");
  CHECK(!it.handovers.settle(kStart));
  it.handovers.note_names(it.now({}), it.pools({found}, {"web.test"}), known);
  CHECK(!it.handovers.settle(kStart));
  found->set_probe(ProbeState::kUp);
  CHECK(it.handovers.settle(kStart));
}

TEST_CASE("handovers: how a backend is spoken to stays with it") {
  Fixture it;
  const auto old = it.make("old");
  config::Pool settings;
  settings.name = "chat";
  const auto before = std::make_shared<const balancer::Pool>(
      settings, Fixture::Backends{old},
      balancer::Pool::Tls{{old.get(), {.verify = true, .server_name = "old.test", .ca = "", .crl = ""}}});
  it.handovers.reload({before}, it.pools({it.make("added", ProbeState::kChecking)}), {}, kStart + 10s);
  const auto staying = it.handovers.staying();
  REQUIRE(staying.at("chat").size() == 1);
  REQUIRE(staying.at("chat")[0].tls);
  CHECK(staying.at("chat")[0].tls->server_name == "old.test");
}

}  // namespace drover::app
