// Pools and backends by the names that a request gives, and the 404 that says which one there is not.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "admin/reply.h"
#include "admin/source.h"
#include "balancer/backend.h"
#include "balancer/pool.h"

namespace drover::admin {

struct FoundBackend {
  std::shared_ptr<const balancer::Pool> pool;
  std::shared_ptr<balancer::Backend> backend;
};

std::expected<FoundBackend, Reply> find_backend(const Source& source, const std::string& pool, const std::string& name);

std::expected<std::shared_ptr<const balancer::Pool>, Reply> find_pool(const Source& source, const std::string& name);

// Whether there is what a filter names; an empty name is any.
std::expected<void, Reply> check_filter(const Source& source, const std::string& pool, const std::string& backend);

}  // namespace drover::admin
