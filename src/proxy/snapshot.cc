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
Result<std::vector<config::BackendSpec>> resolve(const std::string& pool, const config::BackendSpec& spec) {
  if (net::Address::from_literal(spec.address.host, spec.address.port)) return std::vector{spec};
  auto addresses = net::Address::resolve(spec.address.host, spec.address.port);
  if (!addresses) {
    return fail(Code::kAddress, Side::kDrover,
                "pool '" + pool + "', backend '" + spec.name + "': " + addresses.error().detail);
  }
  std::vector<config::BackendSpec> specs;
  for (const auto& address : *addresses) {
    config::BackendSpec one = spec;
    one.name = spec.name + "@" + address.text();
    one.address = {address.ip_text(), address.port(), address.text()};
    if (std::ranges::find(specs, one.name, &config::BackendSpec::name) == specs.end()) specs.push_back(std::move(one));
  }
  return specs;
}

Result<std::shared_ptr<const balancer::Pool>> make_pool(const config::Pool& settings) {
  std::vector<std::shared_ptr<balancer::Backend>> backends;
  for (const auto& spec : settings.backends) {
    auto specs = resolve(settings.name, spec);
    if (!specs) return std::unexpected(specs.error());
    for (auto& one : *specs) backends.push_back(std::make_shared<balancer::Backend>(settings.name, std::move(one)));
  }
  return std::make_shared<const balancer::Pool>(settings, std::move(backends));
}

}  // namespace

bool Snapshot::trusts(const net::Address& peer) const {
  return std::ranges::any_of(config.trusted_proxies, [&](const auto& network) { return contains(network, peer); });
}

http::HeadLimits head_limits(const config::Limits& limits) {
  return {limits.max_head_size, limits.max_headers};
}

Result<std::shared_ptr<const Snapshot>> make_snapshot(config::Config config) {
  Router router(config);
  std::vector<std::shared_ptr<const balancer::Pool>> pools;
  for (const auto& settings : config.pools) {
    auto pool = make_pool(settings);
    if (!pool) return std::unexpected(pool.error());
    pools.push_back(std::move(*pool));
  }
  return std::make_shared<const Snapshot>(std::move(config), std::move(router), std::move(pools));
}

}  // namespace drover::proxy
