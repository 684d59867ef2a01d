// Numbers with one writer that anybody may read: no lock and no shared cache line on the data path.
#pragma once

#include <atomic>
#include <cstdint>

namespace drover {

// What only ever grows.
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

// What there is now: it grows and shrinks, and is never below 0.
class Level {
 public:
  void rise(std::uint64_t amount) { value_.add(amount); }
  void fall(std::uint64_t amount) { value_.add(~amount + 1); }  // modulo 2^64
  std::uint64_t read() const { return value_.read(); }

 private:
  Counter value_;
};

}  // namespace drover
