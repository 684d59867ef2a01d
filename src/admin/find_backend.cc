// Names are exact.
#include "admin/find_backend.h"

#include <algorithm>
#include <utility>

namespace drover::admin {

namespace {

std::expected<std::shared_ptr<const balancer::Pool>, Reply> pool_named(const Pools& pools, const std::string& name) {
  const auto pool = std::ranges::find(pools, name, [](const auto& one) { return one->name(); });
  if (pool == pools.end()) return std::unexpected(failure(404, "no pool '" + name + "'"));
  return *pool;
}

// None: it is not there.
std::shared_ptr<balancer::Backend> backend_in(const balancer::Pool& pool, const std::string& name) {
  const auto backends = pool.backends();
  const auto backend = std::ranges::find(backends, name, [](const auto& one) { return one->name(); });
  return backend == backends.end() ? nullptr : *backend;
}

Reply no_backend(const std::string& name, const std::string& pool) {
  return failure(404, "no backend '" + name + "' in pool '" + pool + "'");
}

}  // namespace

std::expected<std::shared_ptr<const balancer::Pool>, Reply> find_pool(const Source& source, const std::string& name) {
  return pool_named(source.pools(), name);
}

std::expected<FoundBackend, Reply> find_backend(const Source& source, const std::string& pool,
                                                const std::string& name) {
  auto found = pool_named(source.pools(), pool);
  if (!found) return std::unexpected(std::move(found.error()));
  if (auto backend = backend_in(**found, name)) return FoundBackend{*std::move(found), std::move(backend)};
  return std::unexpected(no_backend(name, pool));
}

std::expected<void, Reply> check_filter(const Source& source, const std::string& pool, const std::string& backend) {
  const auto pools = source.pools();
  if (!pool.empty()) {
    const auto found = pool_named(pools, pool);
    if (!found) return std::unexpected(found.error());
    if (!backend.empty() && !backend_in(**found, backend)) return std::unexpected(no_backend(backend, pool));
    return {};
  }
  const auto has_it = [&backend](const auto& one) { return backend_in(*one, backend) != nullptr; };
  if (backend.empty() || std::ranges::any_of(pools, has_it)) return {};
  return std::unexpected(failure(404, "no backend '" + backend + "' in any pool"));
}

}  // namespace drover::admin
