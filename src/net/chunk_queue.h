// Bytes that a socket did not take, in chunks from a pool a loop. The bytes wait here, where they are counted, and
// not in the kernel. One thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/counter.h"

namespace drover::net {

struct Chunk {
  static constexpr std::size_t kCapacity = 16 * 1024 - 16;
  Chunk* next = nullptr;
  std::uint32_t begin = 0;  // first byte that is still waiting
  std::uint32_t end = 0;
  std::uint8_t bytes[kCapacity];
};

// Keeps up to 1 MiB of free chunks, so that backpressure does not mean malloc.
class ChunkPool {
 public:
  ChunkPool() = default;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  Chunk* take();
  void give(Chunk* chunk);
  // Bytes that wait in all queues over this pool. They tell it; any thread may read.
  Level& waiting() { return waiting_; }
  const Level& waiting() const { return waiting_; }

 private:
  static constexpr std::size_t kKept = 64;
  Chunk* free_ = nullptr;
  std::size_t kept_ = 0;
  Level waiting_;
};

class ChunkQueue {
 public:
  explicit ChunkQueue(ChunkPool& pool) : pool_(pool) {}
  ~ChunkQueue();
  ChunkQueue(const ChunkQueue&) = delete;
  ChunkQueue& operator=(const ChunkQueue&) = delete;

  std::size_t size() const { return size_; }
  void append(Bytes bytes);
  // As many pieces from the front as `room` takes. They stay where they are until consume(), appends or not.
  std::span<const Bytes> front(std::span<Bytes> room) const;
  void consume(std::size_t bytes);

 private:
  ChunkPool& pool_;
  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace drover::net
