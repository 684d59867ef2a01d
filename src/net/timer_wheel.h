// A hashed timer wheel for deadlines that mostly never fire. One node a session: moving its deadline later stores a
// number, and the node is relinked when its old slot comes up; moving it earlier relinks at once. One thread, and no
// clock of its own: advance() is told the time.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"

namespace drover::net {

class TimerWheel {
 public:
  static constexpr Milliseconds kTick{50};

  class Node : public ListNode {
   public:
    bool armed() const { return linked(); }

   protected:
    ~Node() = default;  // disarmed before: the wheel counts its nodes

   private:
    friend class TimerWheel;
    // The deadline has passed; the node is not armed any more. It may arm itself again, disarm others, or destroy
    // itself.
    virtual void on_deadline() noexcept = 0;
    std::uint32_t deadline_ = 0;   // in ticks: what is wanted; 32 bits last for six years of uptime
    std::uint32_t linked_at_ = 0;  // in ticks: whose slot it is in, never later than deadline_
  };

  // Arms, or moves the deadline of an armed node.
  void arm(Node& node, MonotonicTime deadline);
  // Fires what is due, in no particular order within a tick.
  void advance(MonotonicTime now);
  void disarm(Node& node);
  bool empty() const { return armed_ == 0; }

 private:
  static constexpr std::uint32_t kSlots = 1024;  // 51 s a turn; what is further away is looked at once a turn
  void link(Node& node);

  std::array<IntrusiveList<Node>, kSlots> slots_;
  std::uint32_t now_ = 0;  // in ticks; everything up to it has fired
  std::size_t armed_ = 0;
};

}  // namespace drover::net
