// An immutable configuration together with its pools: what a handshake is decided by. Shared by all threads; a tunnel
// does not keep it.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "balancer/pool.h"
#include "base/error.h"
#include "config/config.h"
#include "http/head_parser.h"
#include "net/address.h"
#include "proxy/router.h"

namespace drover::proxy {

struct Snapshot {
  config::Config config;
  Router router;
  std::vector<std::shared_ptr<const balancer::Pool>> pools;  // in the order of config.pools

  // Whether `peer` is one of trusted_proxies.
  bool trusts(const net::Address& peer) const;
};

// For the heads of both sides.
http::HeadLimits head_limits(const config::Limits& limits);

// Resolves the backends' names (it blocks: for start-up). A name with several addresses becomes a backend each, called
// name@address. Error: kAddress, naming pool and backend.
Result<std::shared_ptr<const Snapshot>> make_snapshot(config::Config config);

}  // namespace drover::proxy
