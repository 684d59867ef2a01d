// When new sessions are welcome, and which reason is given when they are not.
#include "proxy/readiness.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace drover::proxy {

namespace {

using Pools = std::vector<std::shared_ptr<const balancer::Pool>>;

enum class Importance : std::uint8_t { kOptional, kRequired };

std::shared_ptr<const balancer::Pool> pool(const std::string& name, balancer::ProbeState probe,
                                           Importance importance = Importance::kOptional) {
  config::Pool settings;
  settings.name = name;
  settings.required = importance == Importance::kRequired;
  config::BackendSpec spec;
  spec.name = "web-1";
  auto backend = std::make_shared<balancer::Backend>(name, spec);
  backend->set_probe(probe);
  return std::make_shared<const balancer::Pool>(settings, std::vector{backend});
}

constexpr auto kUp = balancer::ProbeState::kUp;
constexpr auto kDown = balancer::ProbeState::kDown;

}  // namespace

TEST_CASE("while it serves and some pool has an eligible backend there is no obstacle") {
  CHECK(obstacle(Phase::kServing, Pools{pool("a", kUp)}).empty());
  CHECK(obstacle(Phase::kServing, Pools{pool("a", kDown), pool("b", kUp)}).empty());
}

TEST_CASE("without any there is") {
  CHECK(obstacle(Phase::kServing, Pools{pool("a", kDown), pool("b", kDown)}) == "no pool has an eligible backend");
  CHECK(obstacle(Phase::kServing, Pools{}) == "no pool has an eligible backend");
}

TEST_CASE("every pool that is required needs one") {
  const auto required = pool("chat", kDown, Importance::kRequired);
  CHECK(obstacle(Phase::kServing, Pools{pool("a", kUp), required}) ==
        "pool 'chat' is required and has no eligible backend");
  CHECK(obstacle(Phase::kServing, Pools{pool("chat", kUp, Importance::kRequired), pool("a", kDown)}).empty());
}

TEST_CASE("before it listens and while it shuts down backends make no difference") {
  CHECK(obstacle(Phase::kStarting, Pools{pool("a", kUp)}) == "not listening");
  CHECK(obstacle(Phase::kShuttingDown, Pools{pool("a", kUp)}) == "shutting down");
}

}  // namespace drover::proxy
