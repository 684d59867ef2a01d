// Backends by identity: pool, name and address. One that is still known, or still has sessions, comes back as the same
// object, with its counts, states and history, whatever configuration or DNS answer names it again. One thread, the
// supervisor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "balancer/backend.h"
#include "config/config.h"

namespace drover::balancer {

class Registry {
 public:
  explicit Registry(unsigned workers) : workers_(workers) {}

  // Not leaving any more. Where `spec` says another weight, limit or TLS than the last did, the weight and the limit
  // are its, and the operator has left the backend ready: what the operator or the agent has set since outlives a
  // change of something else.
  std::shared_ptr<Backend> find_or_make(const std::string& pool, const config::BackendSpec& spec);

 private:
  struct Known {
    std::weak_ptr<Backend> backend;
    unsigned weight = 0;  // as the configuration said last
    std::uint32_t max_connections = 0;
    std::optional<config::BackendTls> tls;
  };
  void forget_the_gone();
  std::shared_ptr<Slots> farewells_of(const std::string& pool);

  const unsigned workers_;
  std::map<std::tuple<std::string, std::string, std::string>, Known> known_;
  std::map<std::string, std::weak_ptr<Slots>> farewells_;  // by pool
  std::size_t forget_at_ = 0;                              // so many known
};

}  // namespace drover::balancer
