// Storage for many objects of one type: blocks of 64 KiB, a free list a block, empty blocks given back. Objects
// never move. One thread. Under AddressSanitizer a free slot is poisoned, so a late use is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "base/intrusive_list.h"

#if defined(__SANITIZE_ADDRESS__)
#define DROVER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DROVER_ASAN 1
#endif
#endif
#ifdef DROVER_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace drover {

template <class T>
class Slab {
 public:
  Slab() = default;
  // Every object must have been destroyed.
  ~Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  template <class... Args>
  T* make(Args&&... args) {
    if (usable_.empty()) usable_.push_back(*new Block);
    Block& block = *usable_.front();
    Slot* slot = block.take();
    if (block.full()) block.unlink();
    ++size_;
    return new (slot->storage) T(std::forward<Args>(args)...);
  }

  void destroy(T* object) noexcept {
    object->~T();
    auto* slot = reinterpret_cast<Slot*>(object);
    // Blocks are aligned to their size: the block of a slot is found by its address.
    auto* block = reinterpret_cast<Block*>(reinterpret_cast<std::uintptr_t>(object) & ~(kBlockSize - 1));
    block->give(slot);
    --size_;
    if (!block->linked()) usable_.push_back(*block);
    // One empty block stays, so that a lone object that comes and goes does not allocate each time.
    if (block->empty() && (usable_.front() != block || usable_.after(*block) != nullptr)) delete block;
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kBlockSize = 64 * 1024;
  union Slot {
    Slot* next;
    alignas(T) std::byte storage[sizeof(T)];
  };

  struct alignas(kBlockSize) Block : ListNode {
    static constexpr std::size_t kSlots = (kBlockSize - 64) / sizeof(Slot);
    static_assert(kSlots >= 4);

    // NOLINTBEGIN(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init): under ASan they do something,
    // and the slots are storage on purpose.
    Block() { poison(slots, sizeof(slots)); }
    ~Block() { unpoison(slots, sizeof(slots)); }
    // NOLINTEND(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init)
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    // Slots that were never used are taken in order, so that a fresh block is not touched as a whole.
    Slot* take() {
      Slot* slot = free != nullptr ? free : &slots[fresh++];
      unpoison(slot, sizeof(Slot));
      if (slot == free) free = slot->next;
      ++used;
      return slot;
    }
    void give(Slot* slot) {
      slot->next = free;
      free = slot;
      --used;
      poison(slot, sizeof(Slot));
    }
    bool full() const { return used == kSlots; }
    bool empty() const { return used == 0; }

    Slot* free = nullptr;
    std::size_t fresh = 0;
    std::size_t used = 0;
    Slot slots[kSlots];
  };

  static_assert(sizeof(Block) == kBlockSize, "a slot finds its block by its address");

  static void poison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t size) {
#ifdef DROVER_ASAN
    __asan_poison_memory_region(at, size);
#endif
  }
  static void unpoison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t size) {
#ifdef DROVER_ASAN
    __asan_unpoison_memory_region(at, size);
#endif
  }

  struct Blocks : IntrusiveList<Block> {
    Blocks() = default;
    ~Blocks() {
      while (Block* block = this->front()) delete block;
    }
    Blocks(const Blocks&) = delete;
    Blocks& operator=(const Blocks&) = delete;
  };
  Blocks usable_;  // blocks with a free slot; full ones are known by their objects alone
  std::size_t size_ = 0;
};

}  // namespace drover
