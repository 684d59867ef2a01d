// How many sessions each backend of a rebalance still gives, and who may take them. The supervisor says where it is to
// come out; workers take from that as they move sessions. Everything that changes is an atomic.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "balancer/backend.h"
#include "migration/rebalancer.h"

namespace drover::migration {

class Quotas {
  struct Part {
    std::shared_ptr<balancer::Backend> backend;
    std::atomic<std::uint64_t> goal;         // the sessions that it should have
    std::atomic<std::uint64_t> promised{0};  // of who gives: that are about to go; of who takes: that are about to come
  };

 public:
  using BackendList = std::vector<std::shared_ptr<balancer::Backend>>;

  Quotas(const BackendList& givers, const BackendList& takers) {
    for (const auto& each : givers) givers_.push_back(std::make_unique<Part>(each, kNever));
    for (const auto& each : takers) takers_.push_back(std::make_unique<Part>(each, 0U));
  }

  // --- The supervisor's: where they stand now. How many sessions are still to move.
  std::uint64_t set_goals(const PoolBalance& now) {
    std::uint64_t give = 0;
    std::uint64_t take = 0;
    for (const auto& giver : givers_) {
      const auto* part = part_of(*giver->backend, now);
      giver->goal.store(part == nullptr ? kNever : part->goal, std::memory_order_relaxed);
      if (part != nullptr) give += part->gives;
    }
    for (const auto& taker : takers_) {
      const auto* part = part_of(*taker->backend, now);
      taker->goal.store(part == nullptr ? 0 : part->goal, std::memory_order_relaxed);
      if (part != nullptr) take += part->takes;
    }
    return std::min(give, take);
  }
  // Nobody gives any more. A worker that was in the middle of a claim may begin one more move.
  void close() {
    for (const auto& giver : givers_) giver->goal.store(kNever, std::memory_order_relaxed);
  }

  // --- Any thread.
  // One session's part of the quotas, for as long as it lives. The quotas outlive it.
  class Claim {
   public:
    Claim() = default;
    explicit Claim(Part& giver) : giver_(&giver) {}
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    Claim(Claim&& other) noexcept
        : giver_(std::exchange(other.giver_, nullptr)), taker_(std::exchange(other.taker_, nullptr)) {}
    Claim& operator=(Claim&& other) noexcept {
      std::swap(giver_, other.giver_);
      std::swap(taker_, other.taker_);
      return *this;
    }
    ~Claim() {
      for (Part* part : {giver_, taker_}) {
        if (part != nullptr) part->promised.fetch_sub(1, std::memory_order_relaxed);
      }
    }
    explicit operator bool() const { return giver_ != nullptr; }

   private:
    friend class Quotas;
    Part* giver_ = nullptr;
    Part* taker_ = nullptr;
  };

  // Of the giver with that place in the list. Empty: it has given enough. A session that has gone has left its backend
  // before its claim ends, so it is never taken for one that stays.
  Claim take(std::size_t giver) {
    Part& part = *givers_[giver];
    const auto promised = part.promised.fetch_add(1, std::memory_order_relaxed);
    Claim claim(part);
    if (part.backend->active() > part.goal.load(std::memory_order_relaxed) + promised) return claim;
    return {};
  }
  // Whether a session may go there now.
  bool may_take(const balancer::Backend& backend) const {
    return std::ranges::any_of(takers_,
                               [&](const auto& taker) { return taker->backend.get() == &backend && has_room(*taker); });
  }
  bool has_room() const {
    return std::ranges::any_of(takers_, [](const auto& taker) { return has_room(*taker); });
  }
  // The session of the claim will go to whoever has the most room, which is kept for it. Null: nobody has any.
  std::shared_ptr<balancer::Backend> promise(Claim& claim) {
    Part* best = nullptr;
    for (const auto& taker : takers_) {
      if (has_room(*taker) && (best == nullptr || room(*taker) > room(*best))) best = taker.get();
    }
    if (best == nullptr) return nullptr;
    Claim promised;
    promised.taker_ = best;
    best->promised.fetch_add(1, std::memory_order_relaxed);
    std::swap(claim.taker_, promised.taker_);
    return best->backend;
  }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint32_t>::max();  // as a goal: it gives none

  static const Balance::Part* part_of(const balancer::Backend& backend, const PoolBalance& now) {
    const auto found = std::ranges::find(now.backends, &backend, [](const auto& each) { return each.get(); });
    if (found == now.backends.end()) return nullptr;
    return &now.balance.parts[static_cast<std::size_t>(found - now.backends.begin())];
  }
  static std::int64_t room(const Part& taker) {
    const auto has = taker.backend->active() + taker.promised.load(std::memory_order_relaxed);
    return static_cast<std::int64_t>(taker.goal.load(std::memory_order_relaxed)) - static_cast<std::int64_t>(has);
  }
  static bool has_room(const Part& taker) { return room(taker) > 0; }

  std::vector<std::unique_ptr<Part>> givers_, takers_;
};

}  // namespace drover::migration
