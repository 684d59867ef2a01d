// The list keeps its order, and nodes leave it by themselves.
#include "base/intrusive_list.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace drover {

namespace {

struct Item : ListNode {
  explicit Item(int number) : value(number) {}
  int value;
};

std::vector<int> values(IntrusiveList<Item>& list) {
  std::vector<int> all;
  for (auto* item = list.front(); item != nullptr; item = list.after(*item)) all.push_back(item->value);
  return all;
}

}  // namespace

TEST_CASE("nodes are listed in the order of their linking") {
  IntrusiveList<Item> list;
  CHECK(list.empty());
  CHECK(list.front() == nullptr);
  Item one(1), two(2), three(3);
  list.push_back(one);
  list.push_back(two);
  list.push_back(three);
  CHECK(values(list) == std::vector{1, 2, 3});
  CHECK(one.linked());
  CHECK(list.after(three) == nullptr);
}

TEST_CASE("linking again moves a node, from another list too") {
  IntrusiveList<Item> list, other;
  Item one(1), two(2);
  list.push_back(one);
  list.push_back(two);
  list.push_back(one);
  CHECK(values(list) == std::vector{2, 1});
  other.push_back(two);
  CHECK(values(list) == std::vector{1});
  CHECK(values(other) == std::vector{2});
}

TEST_CASE("unlinking takes a node out, and does nothing twice") {
  IntrusiveList<Item> list;
  Item one(1), two(2), three(3);
  for (auto* item : {&one, &two, &three}) list.push_back(*item);
  two.unlink();
  two.unlink();
  CHECK(!two.linked());
  CHECK(values(list) == std::vector{1, 3});
}

TEST_CASE("a node that dies is no longer listed") {
  IntrusiveList<Item> list;
  Item one(1);
  auto two = std::make_unique<Item>(2);
  list.push_back(*two);
  list.push_back(one);
  two.reset();
  CHECK(values(list) == std::vector{1});
}

TEST_CASE("a list that dies lets its nodes go") {
  Item one(1);
  {
    IntrusiveList<Item> list;
    list.push_back(one);
  }
  CHECK(!one.linked());
}

TEST_CASE("splice takes all of the other behind its own") {
  IntrusiveList<Item> list, other;
  Item one(1), two(2), three(3);
  list.push_back(one);
  other.push_back(two);
  other.push_back(three);
  list.splice(other);
  CHECK(values(list) == std::vector{1, 2, 3});
  CHECK(other.empty());
  list.splice(other);
  CHECK(values(list) == std::vector{1, 2, 3});
}

}  // namespace drover
