// Pools for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/source.h"
#include "balancer/pool.h"

namespace drover::admin {

// In the pool "chat", at 10.0.1.10:8080, and up.
inline std::shared_ptr<balancer::Backend> make_backend(std::string name, unsigned weight = 1) {
  config::BackendSpec spec;
  spec.name = std::move(name);
  spec.address = {.host = "10.0.1.10", .port = 8080, .text = "10.0.1.10:8080"};
  spec.weight = weight;
  auto backend = std::make_shared<balancer::Backend>("chat", std::move(spec));
  backend->set_probe(balancer::ProbeState::kUp);
  return backend;
}

inline std::shared_ptr<const balancer::Pool> make_pool(std::string name,
                                                       std::vector<std::shared_ptr<balancer::Backend>> backends,
                                                       const config::Score& score = {}) {
  config::Pool settings;
  settings.name = std::move(name);
  settings.score = score;
  return std::make_shared<const balancer::Pool>(std::move(settings), std::move(backends));
}

inline Source serving(Pools pools) {
  return {.status = [] { return Status{}; }, .pools = [pools = std::move(pools)] { return pools; }};
}

}  // namespace drover::admin
