// A session's claim on a backend: taken at the pick, given back when the session ends. Counting cannot be forgotten,
// since the count is the object's life.
#pragma once

#include <memory>
#include <utility>

#include "balancer/backend.h"

namespace drover::balancer {

class Lease {
 public:
  Lease() = default;
  // An empty lease where the backend is full: another worker may have been faster than the pick.
  static Lease take(std::shared_ptr<Backend> backend) {
    Lease lease;
    if (backend->try_acquire()) lease.backend_ = std::move(backend);
    return lease;
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Lease(Lease&& other) noexcept : backend_(std::move(other.backend_)) {}
  Lease& operator=(Lease&& other) noexcept {
    if (this != &other) {
      give_back();
      backend_ = std::move(other.backend_);
    }
    return *this;
  }
  ~Lease() { give_back(); }

  explicit operator bool() const { return backend_ != nullptr; }
  Backend& backend() const { return *backend_; }
  void give_back() {
    if (backend_ != nullptr) backend_->release();
    backend_.reset();
  }

 private:
  std::shared_ptr<Backend> backend_;
};

}  // namespace drover::balancer
