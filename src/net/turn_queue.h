// Work that takes a good part of a millisecond, as a TLS handshake does: a few pieces of it are done a turn of the
// loop, first come first served, so that a storm of them does not stall the tunnels. One thread.
#pragma once

#include <cstddef>

#include "base/intrusive_list.h"

namespace drover::net {

class TurnQueue {
 public:
  class Job : public ListNode {
   public:
    bool waits() const { return linked(); }

   protected:
    ~Job() = default;  // one that waits leaves the queue

   private:
    friend class TurnQueue;
    // It is not in the queue any more, and may join again. Anything may be done in it, destroying this and others
    // included.
    virtual void on_turn() noexcept = 0;
  };

  // Whether a piece of work may be done right now, out of the queue: nobody waits, and this turn has done few. If so,
  // it counts as done.
  bool take_turn() {
    if (!jobs_.empty() || done_ == kJobsATurn) return false;
    ++done_;
    return true;
  }
  // Behind all that wait; one that waits already goes to the end.
  void join(Job& job) { jobs_.push_back(job); }
  void leave(Job& job) { job.ListNode::unlink(); }
  bool empty() const { return jobs_.empty(); }
  // Once a turn, at its end.
  void run_turn() {
    for (; done_ < kJobsATurn && !jobs_.empty(); ++done_) {
      Job* job = jobs_.front();
      job->ListNode::unlink();
      job->on_turn();
    }
    done_ = 0;
  }

  // A P-256 handshake is some 0.2 ms, one with RSA-2048 twice that.
  static constexpr std::size_t kJobsATurn = 4;

 private:
  IntrusiveList<Job> jobs_;
  std::size_t done_ = 0;  // this turn
};

}  // namespace drover::net
