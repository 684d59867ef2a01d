// A doubly linked list through its members: O(1) to link and unlink, no allocation. A node unlinks itself when it
// dies, so a list never holds a dangling node. One thread.
#pragma once

#include <cstddef>

namespace drover {

class ListNode {
 public:
  ListNode() = default;
  ~ListNode() { unlink(); }
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;

  bool linked() const { return next_ != this; }
  void unlink() {
    // The analyzer does not follow a ring of pointers: it takes a neighbour that has unlinked itself, and died, for one
    // that is still there. NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete)
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = this;
    // NOLINTEND(clang-analyzer-cplusplus.NewDelete)
  }

 private:
  template <class T>
  friend class IntrusiveList;
  ListNode* previous_ = this;
  ListNode* next_ = this;
};

// T derives from ListNode.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() = default;
  ~IntrusiveList() {
    while (!empty()) front()->unlink();
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return !head_.linked(); }
  // Null where empty.
  T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }  // NOLINT(clang-analyzer-cplusplus.NewDelete)
  // Null behind the last.
  T* after(T& node) { return node.ListNode::next_ == &head_ ? nullptr : static_cast<T*>(node.ListNode::next_); }
  void push_back(T& value) {
    ListNode& node = value;
    node.unlink();
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }
  // Takes all nodes of `other`, behind its own.
  void splice(IntrusiveList& other) {
    while (T* node = other.front()) push_back(*node);
  }

 private:
  ListNode head_;
};

}  // namespace drover
