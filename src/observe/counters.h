// What one worker counts. Only the worker writes, anybody may read: no lock, no shared cache line on the data path.
#pragma once

#include <atomic>
#include <cstdint>

namespace drover::observe {

// A number with one writer.
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

struct alignas(64) Counters {
  Counter accepted;                   // connections
  Counter refused_full;               // connections answered 503 because of limits.max_connections
  Counter exhausted;                  // accepts and dials that failed for want of descriptors, memory or ports
  Counter upgraded;                   // 101s passed to clients
  Counter answered;                   // answers of Drover's own (4xx, 5xx)
  Counter dial_failures;              // attempts on a backend that failed, whoever is to blame
  Counter ended;                      // sessions
  Counter messages_in, messages_out;  // data messages; in: from clients
  Counter bytes_in, bytes_out;        // bytes of tunnels as they stand on the wire, frame headers included
  Counter protocol_errors;            // tunnels ended for a frame that breaks a rule
  Counter ignored_forwarding;         // requests whose X-Forwarded-* came from a peer that is not trusted
};

}  // namespace drover::observe
