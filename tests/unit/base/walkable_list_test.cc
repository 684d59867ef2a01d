// Walks go on whatever becomes of the nodes around them.
#include "base/walkable_list.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace drover {

namespace {

struct Node : ListNode {
  explicit Node(char letter) : name(letter) {}
  const char name;
};

struct Letters {
  explicit Letters(const std::string& names) {
    for (const char name : names) add(name);
  }
  void add(char name) { list.push_back(nodes.emplace_back(name)); }
  void remove(char name) {
    for (Node& node : nodes) {
      if (node.name == name) list.remove(node);
    }
  }
  std::deque<Node> nodes;
  WalkableList<Node> list;
};

using Walk = WalkableList<Node>::Walk;

std::string rest(Walk& walk) {
  std::string names;
  while (!walk.at_end()) names += walk.step().name;
  return names;
}

}  // namespace

TEST_CASE("a walk meets every node in order") {
  Letters letters("abc");
  Walk walk(letters.list);
  CHECK(rest(walk) == "abc");
  CHECK(walk.at_end());
}

TEST_CASE("a walk along an empty list is at its end") {
  WalkableList<Node> list;
  CHECK(Walk(list).at_end());
  CHECK(list.empty());
}

TEST_CASE("nodes that go are not met, wherever the walk stands") {
  for (const char gone : std::string("abcd")) {
    CAPTURE(gone);
    Letters letters("abcd");
    Walk walk(letters.list);
    std::string met(1, walk.step().name);
    met += walk.step().name;
    letters.remove(gone);
    met += rest(walk);
    CHECK(met == (gone == 'c' ? "abd" : gone == 'd' ? "abc" : "abcd"));
  }
}

TEST_CASE("the node that was just met may go, and so may all") {
  Letters letters("abc");
  Walk walk(letters.list);
  std::string met;
  while (!walk.at_end()) {
    Node& node = walk.step();
    met += node.name;
    letters.list.remove(node);
  }
  CHECK(met == "abc");
  CHECK(letters.list.empty());
}

TEST_CASE("what comes is met as long as the walk is not at its end") {
  Letters letters("ab");
  Walk walk(letters.list);
  walk.step();
  letters.add('c');
  CHECK(rest(walk) == "bc");
  letters.add('d');
  CHECK(walk.at_end());
}

TEST_CASE("walks do not disturb each other") {
  Letters letters("abcd");
  Walk first(letters.list);
  first.step();
  {
    Walk second(letters.list);
    second.step();
    letters.remove('b');
    CHECK(rest(second) == "cd");
  }
  letters.remove('c');
  CHECK(rest(first) == "d");
}

TEST_CASE("a walk that outlives its list is at its end") {
  auto letters = std::make_unique<Letters>("ab");
  std::optional<Walk> walk(std::in_place, letters->list);
  letters.reset();
  CHECK(walk->at_end());
}

}  // namespace drover
