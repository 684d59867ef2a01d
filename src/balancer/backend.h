// A server that sessions are sent to, as every thread sees it: fixed facts, and atomics for what changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "config/config.h"

namespace drover::balancer {

class Backend {
 public:
  // `spec.address.host` is a numeric address.
  Backend(std::string pool, config::BackendSpec spec) : pool_(std::move(pool)), spec_(std::move(spec)) {}
  ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const std::string& pool() const { return pool_; }
  const std::string& name() const { return spec_.name; }
  const config::Endpoint& address() const { return spec_.address; }
  unsigned weight() const { return spec_.weight; }
  // Sessions that hold a lease on it now.
  std::uint32_t active() const { return active_.load(std::memory_order_relaxed); }
  bool full() const { return spec_.max_connections != 0 && active() >= spec_.max_connections; }

 private:
  friend class Lease;
  bool try_acquire() {
    const auto before = active_.fetch_add(1, std::memory_order_relaxed);
    if (spec_.max_connections == 0 || before < spec_.max_connections) return true;
    release();
    return false;
  }
  void release() { active_.fetch_sub(1, std::memory_order_relaxed); }

  const std::string pool_;
  const config::BackendSpec spec_;
  alignas(64) std::atomic<std::uint32_t> active_{0};
};

}  // namespace drover::balancer
