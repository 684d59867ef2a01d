// Backends by identity: pool, name and address. One that is still known, or still has sessions, comes back as the same
// object, with its counts, states and history, whatever configuration or DNS answer names it again. One thread, the
// supervisor's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "balancer/backend.h"
#include "config/config.h"

namespace drover::balancer {

class Registry {
 public:
  explicit Registry(unsigned workers) : workers_(workers) {}

  // With the weight and the limit of `spec`, and not leaving any more.
  std::shared_ptr<Backend> find_or_make(const std::string& pool, const config::BackendSpec& spec);

 private:
  const unsigned workers_;
  std::map<std::tuple<std::string, std::string, std::string>, std::weak_ptr<Backend>> known_;
};

}  // namespace drover::balancer
