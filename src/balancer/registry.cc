// Looking up, and forgetting those whose last session has ended.
#include "balancer/registry.h"

namespace drover::balancer {

std::shared_ptr<Backend> Registry::find_or_make(const std::string& pool, const config::BackendSpec& spec) {
  if (known_.size() >= forget_at_) forget_the_gone();
  auto& known = known_[{pool, spec.name, spec.address.text}];
  auto backend = known.backend.lock();
  if (backend) {
    const bool is_changed =
        spec.weight != known.weight || spec.max_connections != known.max_connections || spec.tls != known.tls;
    if (is_changed) {
      backend->set_weight(spec.weight);
      backend->set_max_connections(spec.max_connections);
      backend->set_operator_state(OperatorState::kReady);
    }
    backend->set_leaving(false);
  } else {
    backend = std::make_shared<Backend>(pool, spec, workers_, farewells_of(pool));
  }
  known = {.backend = backend, .weight = spec.weight, .max_connections = spec.max_connections, .tls = spec.tls};
  return backend;
}

std::shared_ptr<Slots> Registry::farewells_of(const std::string& pool) {
  auto& known = farewells_[pool];
  auto slots = known.lock();
  if (!slots) known = slots = std::make_shared<Slots>();
  return slots;
}

// Each time that as many again have come: all are asked for at every change of a name, and a pass each time would make
// that the square of their number.
void Registry::forget_the_gone() {
  std::erase_if(known_, [](const auto& entry) { return entry.second.backend.expired(); });
  std::erase_if(farewells_, [](const auto& entry) { return entry.second.expired(); });
  forget_at_ = 2 * known_.size() + 1;
}

}  // namespace drover::balancer
