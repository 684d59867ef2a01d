// Slab: objects that stay where they are, slots used again, blocks given back.
#include "base/slab.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace drover {

namespace {

struct Counted {
  explicit Counted(int& live_objects, std::uint64_t number) : live(live_objects), value(number) { ++live; }
  ~Counted() { --live; }
  int& live;
  std::uint64_t value;
  char bulk[1000]{};
};

struct alignas(64) Aligned {
  std::uint8_t bytes[100];
};

// Destroys another object of the same slab with itself.
struct Parent {
  explicit Parent(Slab<Parent>& in) : slab(in) {}
  ~Parent() {
    if (child != nullptr) slab.destroy(child);
  }
  Slab<Parent>& slab;
  Parent* child = nullptr;
  char bulk[512]{};
};

}  // namespace

TEST_CASE("objects are constructed, kept apart and destroyed") {
  int live = 0;
  Slab<Counted> slab;
  std::vector<Counted*> objects;
  for (std::uint64_t i = 0; i < 500; ++i) objects.push_back(slab.make(live, i));
  CHECK(live == 500);
  CHECK(slab.size() == 500);
  CHECK(std::set<Counted*>(objects.begin(), objects.end()).size() == 500);
  for (std::uint64_t i = 0; i < 500; ++i) CHECK(objects[i]->value == i);
  for (auto* object : objects) slab.destroy(object);
  CHECK(live == 0);
  CHECK(slab.size() == 0);
}

TEST_CASE("a slot is used again") {
  int live = 0;
  Slab<Counted> slab;
  auto* first = slab.make(live, 1U);
  auto* keeper = slab.make(live, 2U);
  slab.destroy(first);
  auto* second = slab.make(live, 3U);
  CHECK(second == first);
  slab.destroy(second);
  slab.destroy(keeper);
}

TEST_CASE("random births and deaths agree with a model") {
  std::mt19937 random(7);
  int live = 0;
  Slab<Counted> slab;
  std::vector<std::pair<Counted*, std::uint64_t>> model;
  for (std::uint64_t step = 0; step < 20'000; ++step) {
    // Waves, so that blocks fill, empty and go.
    const bool growing = (step / 2000) % 2 == 0;
    if (model.empty() || random() % 100 < (growing ? 70U : 30U)) {
      model.emplace_back(slab.make(live, step), step);
    } else {
      const std::size_t index = random() % model.size();
      REQUIRE(model[index].first->value == model[index].second);
      slab.destroy(model[index].first);
      model[index] = model.back();
      model.pop_back();
    }
    REQUIRE(slab.size() == model.size());
    REQUIRE(live == static_cast<int>(model.size()));
  }
  for (const auto& [object, value] : model) {
    CHECK(object->value == value);
    slab.destroy(object);
  }
  CHECK(live == 0);
}

TEST_CASE("alignment is kept") {
  Slab<Aligned> slab;
  std::vector<Aligned*> objects;
  for (int i = 0; i < 2000; ++i) objects.push_back(slab.make());
  for (auto* object : objects) {
    CHECK(reinterpret_cast<std::uintptr_t>(object) % 64 == 0);
    slab.destroy(object);
  }
}

TEST_CASE("an object's destructor may destroy another") {
  Slab<Parent> slab;
  std::vector<Parent*> parents;
  for (int i = 0; i < 300; ++i) {
    parents.push_back(slab.make(slab));
    parents.back()->child = slab.make(slab);
  }
  for (auto* parent : parents) slab.destroy(parent);
  CHECK(slab.size() == 0);
}

}  // namespace drover
