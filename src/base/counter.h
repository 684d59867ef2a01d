// A number with one writer that anybody may read: no lock and no shared cache line on the data path.
#pragma once

#include <atomic>
#include <cstdint>

namespace drover {

class Counter {
 public:
  void add(std::uint64_t amount) {
    // A plain load and store: there is no other writer, so no locked instruction is needed.
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace drover
