// An intrusive list that can be walked a little at a time, while its nodes come and go: a walk stands between two
// nodes, misses nobody who stays, and visits nobody twice. One thread.
#pragma once

#include "base/intrusive_list.h"

namespace drover {

// T derives from ListNode.
template <class T>
class WalkableList {
 public:
  // Ends with the list, if not before: it is at its end then. Nodes that come while it is at its end are not met.
  class Walk final : public ListNode {
   public:
    explicit Walk(WalkableList& list) : list_(list), next_(list.nodes_.front()) { list.walks_.push_back(*this); }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    bool at_end() const { return next_ == nullptr; }
    // The one that step() will pass, where there is one.
    T& next() const { return *next_; }
    // Steps over the next node, which there is.
    T& step() {
      T& passed = *next_;
      next_ = list_.nodes_.after(passed);
      return passed;
    }

   private:
    friend class WalkableList;
    WalkableList& list_;
    T* next_;  // null: none
  };

  WalkableList() = default;
  ~WalkableList() {
    for (Walk* walk = walks_.front(); walk != nullptr; walk = walks_.after(*walk)) walk->next_ = nullptr;
  }
  WalkableList(const WalkableList&) = delete;
  WalkableList& operator=(const WalkableList&) = delete;

  bool empty() const { return nodes_.empty(); }
  void push_back(T& node) { nodes_.push_back(node); }
  // A node that is in the list, before it goes.
  void remove(T& node) {
    for (Walk* walk = walks_.front(); walk != nullptr; walk = walks_.after(*walk)) {
      if (walk->next_ == &node) walk->step();
    }
    node.ListNode::unlink();
  }

 private:
  IntrusiveList<T> nodes_;
  IntrusiveList<Walk> walks_;
};

}  // namespace drover
