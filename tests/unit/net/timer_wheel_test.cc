// The wheel under a clock of the test's own: never early, at most two ticks late, whatever callbacks do.
#include "net/timer_wheel.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace drover::net {

namespace {

constexpr Milliseconds kTick = TimerWheel::kTick;
const MonotonicTime kStart{Milliseconds(1'000'000'007)};

class Node final : public TimerWheel::Node {
 public:
  std::function<void()> then = [] {};
  int fired = 0;

 private:
  void on_deadline() noexcept override {
    ++fired;
    const auto copy = then;  // it may destroy the node
    copy();
  }
};

struct Clock {
  Clock() { wheel.advance(now); }
  // As a loop does it: a tick at a time.
  void pass(Milliseconds time) {
    for (const auto end = now + time; now < end;) {
      now += std::min(kTick, Milliseconds(end - now));
      wheel.advance(now);
    }
  }
  void arm(Node& node, Milliseconds from_now) { wheel.arm(node, now + from_now); }
  MonotonicTime now = kStart;
  TimerWheel wheel;
};

}  // namespace

TEST_CASE("a node fires once, not early and at most two ticks late") {
  for (const Milliseconds::rep delay : {1, 49, 50, 51, 99, 1000, 51'150, 51'200, 51'250, 200'000}) {
    CAPTURE(delay);
    Clock clock;
    Node node;
    clock.arm(node, Milliseconds(delay));
    CHECK(node.armed());
    for (Milliseconds::rep passed = 1; passed < delay; ++passed) {
      clock.pass(Milliseconds(1));
      REQUIRE(node.fired == 0);
    }
    clock.pass(2 * kTick);
    CHECK(node.fired == 1);
    CHECK(!node.armed());
    CHECK(clock.wheel.empty());
    clock.pass(Milliseconds(60'000));
    CHECK(node.fired == 1);
  }
}

TEST_CASE("a deadline in the past is the next tick's") {
  Clock clock;
  Node node;
  clock.arm(node, Milliseconds(-5000));
  CHECK(node.fired == 0);
  clock.pass(kTick);
  CHECK(node.fired == 1);
}

TEST_CASE("a deadline that moves later fires then alone") {
  Clock clock;
  Node node;
  for (int i = 0; i < 100; ++i) {
    clock.arm(node, Milliseconds(1000));
    clock.pass(Milliseconds(900));
  }
  CHECK(node.fired == 0);
  clock.pass(Milliseconds(200));
  CHECK(node.fired == 1);
}

TEST_CASE("a deadline that moves earlier fires then, and not again at the old one") {
  Clock clock;
  Node node;
  clock.arm(node, Milliseconds(10'000));
  clock.arm(node, Milliseconds(1000));
  clock.pass(Milliseconds(1100));
  CHECK(node.fired == 1);
  clock.pass(Milliseconds(20'000));
  CHECK(node.fired == 1);
}

TEST_CASE("later and then earlier, but behind the slot that it is in") {
  Clock clock;
  Node node;
  clock.arm(node, Milliseconds(1000));
  clock.arm(node, Milliseconds(10'000));
  clock.arm(node, Milliseconds(3000));
  clock.pass(Milliseconds(2999));
  CHECK(node.fired == 0);
  clock.pass(2 * kTick);
  CHECK(node.fired == 1);
}

TEST_CASE("a disarmed node does not fire, and can be armed again") {
  Clock clock;
  Node node;
  clock.wheel.disarm(node);
  clock.arm(node, Milliseconds(100));
  clock.wheel.disarm(node);
  clock.wheel.disarm(node);
  CHECK(!node.armed());
  CHECK(clock.wheel.empty());
  clock.pass(Milliseconds(60'000));
  CHECK(node.fired == 0);
  clock.arm(node, Milliseconds(100));
  clock.pass(Milliseconds(200));
  CHECK(node.fired == 1);
}

TEST_CASE("after a pause of several turns all that is due fires, and nothing else") {
  Clock clock;
  Node soon, turns_later, far;
  clock.arm(soon, Milliseconds(100));
  clock.arm(turns_later, Milliseconds(150'000));
  clock.arm(far, Milliseconds(1'000'000));
  clock.now += Milliseconds(400'000);
  clock.wheel.advance(clock.now);
  CHECK(soon.fired == 1);
  CHECK(turns_later.fired == 1);
  CHECK(far.fired == 0);
  clock.pass(Milliseconds(599'950));
  CHECK(far.fired == 0);
  clock.pass(Milliseconds(150));
  CHECK(far.fired == 1);
}

TEST_CASE("a clock that stands still or goes back fires nothing") {
  Clock clock;
  Node node;
  clock.arm(node, Milliseconds(100));
  clock.wheel.advance(clock.now);
  clock.wheel.advance(clock.now - Milliseconds(5000));
  CHECK(node.fired == 0);
  clock.pass(Milliseconds(200));
  CHECK(node.fired == 1);
}

TEST_CASE("a callback may arm its own node again, into the same slot too") {
  Clock clock;
  Node node;
  node.then = [&] { clock.wheel.arm(node, clock.now + kTick * 1024); };
  clock.arm(node, kTick);
  clock.pass(kTick * 2);
  CHECK(node.fired == 1);
  clock.pass(kTick * 1022);
  CHECK(node.fired == 1);
  clock.pass(kTick * 4);
  CHECK(node.fired == 2);
  clock.wheel.disarm(node);
}

TEST_CASE("a callback may arm, move and disarm nodes that are due with it") {
  Clock clock;
  Node first, moved, silenced, fresh;
  first.then = [&] {
    clock.wheel.arm(moved, clock.now + Milliseconds(500));
    clock.wheel.disarm(silenced);
    clock.wheel.arm(fresh, clock.now + Milliseconds(500));
  };
  for (auto* node : {&first, &moved, &silenced}) clock.arm(*node, Milliseconds(100));
  clock.pass(Milliseconds(200));
  CHECK(first.fired == 1);
  CHECK(moved.fired == 0);
  CHECK(silenced.fired == 0);
  clock.pass(Milliseconds(600));
  CHECK(moved.fired == 1);
  CHECK(fresh.fired == 1);
  CHECK(silenced.fired == 0);
  CHECK(clock.wheel.empty());
}

TEST_CASE("a callback may destroy its own node and others") {
  Clock clock;
  auto own = std::make_unique<Node>();
  auto other = std::make_unique<Node>();
  Node last;
  own->then = [&] {
    clock.wheel.disarm(*other);
    other.reset();
    own.reset();
  };
  for (auto* node : {own.get(), other.get(), &last}) clock.arm(*node, Milliseconds(100));
  clock.pass(Milliseconds(200));
  CHECK(own == nullptr);
  CHECK(last.fired == 1);
  CHECK(clock.wheel.empty());
}

TEST_CASE("many nodes under random orders agree with a naive model") {
  std::mt19937 random(11);
  Clock clock;
  constexpr std::size_t kNodes = 300;
  std::vector<std::unique_ptr<Node>> nodes;
  struct Wanted {
    bool armed = false;
    MonotonicTime deadline;
  };
  std::vector<Wanted> wanted(kNodes);
  for (std::size_t i = 0; i < kNodes; ++i) {
    nodes.push_back(std::make_unique<Node>());
    nodes[i]->then = [&, i] {
      REQUIRE(wanted[i].armed);
      REQUIRE(clock.now >= wanted[i].deadline);
      wanted[i].armed = false;
    };
  }
  for (int step = 0; step < 4000; ++step) {
    for (int order = 0; order < 5; ++order) {
      const std::size_t i = random() % kNodes;
      if (random() % 5 == 0) {
        clock.wheel.disarm(*nodes[i]);
        wanted[i].armed = false;
      } else {
        const Milliseconds delay(random() % (random() % 4 == 0 ? 300'000 : 3000));
        clock.arm(*nodes[i], delay);
        wanted[i] = {true, clock.now + delay};
      }
    }
    // Mostly ticks, now and then a pause.
    clock.now += Milliseconds(random() % 200 == 0 ? random() % 200'000 : random() % 60);
    clock.wheel.advance(clock.now);
    bool any = false;
    for (std::size_t i = 0; i < kNodes; ++i) {
      REQUIRE(nodes[i]->armed() == wanted[i].armed);
      any = any || wanted[i].armed;
      if (wanted[i].armed) REQUIRE(clock.now < wanted[i].deadline + 2 * kTick);
    }
    REQUIRE(clock.wheel.empty() == !any);
  }
  for (auto& node : nodes) clock.wheel.disarm(*node);
}

}  // namespace drover::net
