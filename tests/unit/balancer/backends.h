// Backends for the tests of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "balancer/backend.h"

namespace drover::balancer {

inline std::shared_ptr<Backend> make_backend(std::string name, unsigned weight = 1, std::uint32_t max_connections = 0) {
  config::BackendSpec spec;
  spec.name = std::move(name);
  spec.address = {.host = "127.0.0.1", .port = 1, .text = "127.0.0.1:1"};
  spec.weight = weight;
  spec.max_connections = max_connections;
  return std::make_shared<Backend>("pool", std::move(spec));
}

// Names "a", "b", … of these weights.
inline std::vector<std::shared_ptr<Backend>> weighing(const std::vector<unsigned>& weights) {
  std::vector<std::shared_ptr<Backend>> backends;
  for (const unsigned weight : weights) {
    backends.push_back(make_backend(std::string(1, static_cast<char>('a' + backends.size())), weight));
  }
  return backends;
}

using Eligible = std::function<bool(const Backend&)>;
inline const Eligible kAny = [](const Backend&) { return true; };

}  // namespace drover::balancer
