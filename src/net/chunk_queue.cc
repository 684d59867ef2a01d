// Appends fill the last chunk even while its front is being written: the bytes behind do not move.
#include "net/chunk_queue.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace drover::net {

ChunkPool::~ChunkPool() {
  while (free_ != nullptr) {
    Chunk* chunk = free_;
    free_ = chunk->next;
    delete chunk;
  }
}

Chunk* ChunkPool::take() {
  if (free_ == nullptr) return new Chunk;
  Chunk* chunk = free_;
  free_ = chunk->next;
  --kept_;
  chunk->next = nullptr;
  chunk->begin = chunk->end = 0;
  return chunk;
}

void ChunkPool::give(Chunk* chunk) {
  if (kept_ == kKept) {
    delete chunk;
    return;
  }
  chunk->next = free_;
  free_ = chunk;
  ++kept_;
}

ChunkQueue::~ChunkQueue() {
  consume(size_);
}

void ChunkQueue::append(Bytes bytes) {
  size_ += bytes.size();
  pool_.waiting().rise(bytes.size());
  while (!bytes.empty()) {
    if (last_ == nullptr || last_->end == Chunk::kCapacity) {
      Chunk* chunk = pool_.take();
      (last_ == nullptr ? first_ : last_->next) = chunk;
      last_ = chunk;
    }
    const std::size_t size = std::min(bytes.size(), Chunk::kCapacity - last_->end);
    std::memcpy(last_->bytes + last_->end, bytes.data(), size);
    last_->end += static_cast<std::uint32_t>(size);
    bytes = bytes.subspan(size);
  }
}

std::span<const Bytes> ChunkQueue::front(std::span<Bytes> room) const {
  std::size_t count = 0;
  for (const Chunk* chunk = first_; chunk != nullptr && count < room.size(); chunk = chunk->next) {
    room[count++] = {chunk->bytes + chunk->begin, chunk->end - chunk->begin};
  }
  return room.first(count);
}

void ChunkQueue::consume(std::size_t bytes) {
  assert(bytes <= size_);
  size_ -= bytes;
  pool_.waiting().fall(bytes);
  while (bytes > 0) {
    assert(first_ != nullptr);  // size_ counts what the chunks hold
    const std::size_t held = first_->end - first_->begin;
    if (bytes < held) {
      first_->begin += static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= held;
    Chunk* empty = first_;
    first_ = empty->next;
    if (first_ == nullptr) last_ = nullptr;
    pool_.give(empty);
  }
}

}  // namespace drover::net
