// Lazy re-arming: a node is linked at or before its deadline, never behind it.
#include "net/timer_wheel.h"

#include <algorithm>

namespace drover::net {

namespace {

std::uint32_t ticks_of(MonotonicTime time) {
  return static_cast<std::uint32_t>(time.time_since_epoch() / TimerWheel::kTick);
}
// Rounded up: never early.
std::uint32_t ticks_until(MonotonicTime time) {
  return ticks_of(time + TimerWheel::kTick - Milliseconds(1));
}

}  // namespace

void TimerWheel::link(Node& node) {
  node.linked_at_ = node.deadline_;
  slots_[node.linked_at_ % kSlots].push_back(node);
}

void TimerWheel::arm(Node& node, MonotonicTime deadline) {
  node.deadline_ = std::max(ticks_until(deadline), now_ + 1);
  if (node.linked() && node.linked_at_ <= node.deadline_) return;  // relinked when its slot comes up
  if (!node.linked()) ++armed_;
  link(node);
}

void TimerWheel::disarm(Node& node) {
  if (!node.linked()) return;
  node.unlink();
  --armed_;
}

void TimerWheel::advance(MonotonicTime now) {
  const std::uint32_t target = ticks_of(now);
  // After a long pause each slot is looked at once: their nodes' own deadlines say what is due.
  if (target > now_ + kSlots) now_ = target - kSlots;
  while (now_ < target) {
    ++now_;
    IntrusiveList<Node> due;  // callbacks may arm into this very slot
    due.splice(slots_[now_ % kSlots]);
    while (Node* node = due.front()) {
      if (node->deadline_ > now_) {
        link(*node);
        continue;
      }
      disarm(*node);
      node->on_deadline();
    }
  }
}

}  // namespace drover::net
