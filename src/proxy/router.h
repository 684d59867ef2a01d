// Which pool a request goes to: the first route that matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace drover::proxy {

enum class RequestKind : std::uint8_t { kOrdinary, kWebSocket };

class Router {
 public:
  struct Target {
    config::Route route;
    std::size_t pool = 0;  // index into config.pools
    // What strip_prefix takes off a path that this route matches, in bytes; 0: nothing.
    std::size_t stripped = 0;
  };

  explicit Router(const config::Config& config);
  // `host` as in the Host header (any case, maybe with a port), `path` without query. Null: no route.
  const Target* match(std::string_view host, std::string_view path, RequestKind kind) const;

 private:
  std::vector<Target> targets_;
};

}  // namespace drover::proxy
