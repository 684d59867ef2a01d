// From plain configuration values to pools that sessions can be sent to.
#include "proxy/snapshot.h"

#include <algorithm>
#include <cstdint>

namespace drover::proxy {

namespace {

bool contains(const config::Network& network, const net::Address& peer) {
  const std::string_view ip = peer.ip_bytes();
  if (ip.size() != (network.ipv6 ? 16U : 4U)) return false;
  for (unsigned bit = 0; bit < network.prefix_bits; bit += 8) {
    const unsigned bits = std::min(8U, network.prefix_bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> bits);
    if (((static_cast<std::uint8_t>(ip[bit / 8]) ^ network.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

// One backend for a numeric address; one an address for a name.
std::vector<config::BackendSpec> expand(const config::BackendSpec& spec, const Addresses& names) {
  if (net::Address::from_literal(spec.address.host, spec.address.port)) return {spec};
  std::vector<config::BackendSpec> specs;
  const auto known = names.find(spec.address.host);
  if (known == names.end()) return specs;
  for (net::Address address : known->second) {
    address.set_port(spec.address.port);
    config::BackendSpec one = spec;
    one.name = spec.name + "@" + address.text();
    one.address = {address.ip_text(), address.port(), address.text()};
    one.authority = spec.address.text;
    if (one.tls && one.tls->server_name.empty()) one.tls->server_name = spec.address.host;
    specs.push_back(std::move(one));
  }
  return specs;
}

std::shared_ptr<const balancer::Pool> make_pool(const config::Pool& settings, const Addresses& names,
                                                balancer::Registry& registry, const StayingByPool& staying) {
  std::vector<std::shared_ptr<balancer::Backend>> backends;
  balancer::Pool::Tls tls;
  const auto add = [&](std::shared_ptr<balancer::Backend> backend, const std::optional<config::BackendTls>& its) {
    if (its) tls.insert_or_assign(backend.get(), *its);
    backends.push_back(std::move(backend));
  };
  for (const auto& spec : settings.backends) {
    for (const auto& one : expand(spec, names)) add(registry.find_or_make(settings.name, one), one.tls);
  }
  if (const auto found = staying.find(settings.name); found != staying.end()) {
    for (const auto& one : found->second) add(one.backend, one.tls);
  }
  return std::make_shared<const balancer::Pool>(settings, std::move(backends), std::move(tls));
}

}  // namespace

std::optional<std::size_t> Snapshot::place_of(std::string_view pool) const {
  const auto found = std::ranges::find(pools, pool, [](const auto& each) { return each->name(); });
  if (found == pools.end()) return std::nullopt;
  return static_cast<std::size_t>(found - pools.begin());
}

bool Snapshot::trusts(const net::Address& peer) const {
  return std::ranges::any_of(config.trusted_proxies, [&](const auto& network) { return contains(network, peer); });
}

http::HeadLimits head_limits(const config::Limits& limits) {
  return {limits.max_head_size, limits.max_headers};
}

std::shared_ptr<const Snapshot> make_snapshot(const config::Config& config, const Addresses& names,
                                              balancer::Registry& registry, observe::Ledger& ledger,
                                              std::shared_ptr<const net::TlsTrusts> trusts,
                                              std::shared_ptr<const migration::TokenKeys> token_keys,
                                              const StayingByPool& staying) {
  std::vector<std::shared_ptr<const balancer::Pool>> pools;
  std::vector<observe::PoolLedger*> ledgers;
  pools.reserve(config.pools.size());
  ledgers.reserve(config.pools.size());
  for (const auto& settings : config.pools) {
    pools.push_back(make_pool(settings, names, registry, staying));
    ledgers.push_back(&ledger.of_pool(settings.name));
  }
  return std::make_shared<const Snapshot>(config, Router(config), std::move(pools), std::move(ledgers),
                                          std::move(trusts), std::move(token_keys));
}

}  // namespace drover::proxy
