// Pools for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/source.h"
#include "balancer/pool.h"

namespace drover::admin {

// In the pool "chat", and up.
inline std::shared_ptr<balancer::Backend> make_backend(std::string name, unsigned weight = 1,
                                                       const std::string& address = "10.0.1.10:8080") {
  config::BackendSpec spec;
  spec.name = std::move(name);
  spec.address = {.host = address.substr(0, address.find(':')), .port = 8080, .text = address};
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

inline Source serving(Pools pools, const Status& status = {}) {
  Source source;
  source.status = [status] { return status; };
  source.pools = [pools = std::move(pools)] { return pools; };
  source.set_operator_state = [](balancer::Backend& backend, balancer::OperatorState state, const std::string&) {
    backend.set_operator_state(state);
  };
  source.drains = [] { return std::vector<migration::DrainView>(); };
  source.frozen = [] { return Source::Frozen::kNo; };
  return source;
}

// Of a process that is well.
inline Status well() {
  Status status;
  status.version = "1.2.3";
  status.uptime = std::chrono::seconds(42);
  status.active_connections = 5;
  status.max_connections = 20;
  status.resident_bytes = 4096;
  status.buffered_bytes = 512;
  status.descriptors_used = 30;
  status.descriptors_limit = 1000;
  status.pools = {{"chat", 3, 2, false}, {"mail", 1, 0, false}};
  return status;
}

}  // namespace drover::admin
