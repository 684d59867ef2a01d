// An immutable configuration together with its pools: what a handshake is decided by. Shared by all threads; a tunnel
// does not keep it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/pool.h"
#include "balancer/registry.h"
#include "config/config.h"
#include "http/head_parser.h"
#include "migration/resume_token.h"
#include "net/address.h"
#include "net/tls_dialler.h"
#include "observe/ledger.h"
#include "proxy/router.h"

namespace drover::proxy {

struct Snapshot {
  config::Config config;
  Router router;
  std::vector<std::shared_ptr<const balancer::Pool>> pools;  // in the order of config.pools
  std::vector<observe::PoolLedger*> ledgers;                 // likewise; they outlive every snapshot
  std::shared_ptr<const net::TlsTrusts> tls_trusts;          // those of all backends
  std::shared_ptr<const migration::TokenKeys> token_keys;

  // Whether `peer` is one of trusted_proxies.
  bool trusts(const net::Address& peer) const;
  // Where the pool of that name stands in `pools`; none: it is not there.
  std::optional<std::size_t> place_of(std::string_view pool) const;
};

// For the heads of both sides.
http::HeadLimits head_limits(const config::Limits& limits);

// What the backends' names are known to mean now; the port is not theirs.
using Addresses = std::map<std::string, std::vector<net::Address>, std::less<>>;

// A backend that a pool has beyond those of its configuration: see app::Fleet.
struct Staying {
  std::shared_ptr<balancer::Backend> backend;
  std::optional<config::BackendTls> tls;
};
using StayingByPool = std::map<std::string, std::vector<Staying>, std::less<>>;

// The supervisor's thread. A name becomes a backend for each of its addresses, called name@address; one without any has
// none. Backends that the registry knows are taken from there, with their counts and states. `ledger` outlives every
// snapshot. `trusts` has those of all backends. `token_keys` outlive a change of snapshots where the secrets stay, or
// where there are none. Those that are `staying` come last in their pools.
std::shared_ptr<const Snapshot> make_snapshot(const config::Config& config, const Addresses& names,
                                              balancer::Registry& registry, observe::Ledger& ledger,
                                              std::shared_ptr<const net::TlsTrusts> trusts,
                                              std::shared_ptr<const migration::TokenKeys> token_keys,
                                              const StayingByPool& staying = {});

}  // namespace drover::proxy
