// Looking up, and forgetting those whose last session has ended.
#include "balancer/registry.h"

namespace drover::balancer {

std::shared_ptr<Backend> Registry::find_or_make(const std::string& pool, const config::BackendSpec& spec) {
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  auto& entry = known_[{pool, spec.name, spec.address.text}];
  if (auto backend = entry.lock()) {
    backend->set_weight(spec.weight);
    backend->set_max_connections(spec.max_connections);
    backend->set_leaving(false);
    return backend;
  }
  auto backend = std::make_shared<Backend>(pool, spec, workers_);
  entry = backend;
  return backend;
}

}  // namespace drover::balancer
