// The hash is the balancer's, for keys.
#include "app/config_hash.h"

#include <cstdio>

#include "balancer/policy.h"
#include "config/load.h"

namespace drover::app {

std::string config_hash(const config::Config& config) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx",
                static_cast<unsigned long long>(balancer::hash_of(config::to_yaml(config))));
  return text;
}

}  // namespace drover::app
