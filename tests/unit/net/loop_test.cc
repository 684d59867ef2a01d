// post() from other threads, deadlines on the real clock, and loops that end.
#include "net/loop.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "driving.h"

namespace drover::net {

namespace {

class Alarm final : public TimerWheel::Node {
 public:
  explicit Alarm(std::function<void()> task) : task_(std::move(task)) {}

 private:
  void on_deadline() noexcept override { task_(); }
  std::function<void()> task_;
};

using Clock = std::chrono::steady_clock;
constexpr auto kTick = TimerWheel::kTick;

void spin_until(Clock::time_point moment) {
  while (Clock::now() < moment) continue;
}

// run_until() would arm something of its own.
void turn_until_ticks(Loop& loop, std::uint64_t count) {
  while (loop.lag().count() < count) loop.turn(Loop::Patience::kUntilSomething);
  CHECK(loop.lag().count() == count);
}

}  // namespace

TEST_CASE("tasks run on the loop's thread, each thread's in the order of posting") {
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  Loop loop;
  std::array<int, kThreads> next{};
  int total = 0;
  bool ordered = true;
  std::thread::id runner;
  std::thread own([&] { loop.run(); });
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int task = 0; task < kTasks; ++task) {
        loop.post([&, thread, task] {
          runner = std::this_thread::get_id();
          ordered = ordered && next[thread] == task;
          ++next[thread];
          if (++total == kThreads * kTasks) loop.stop();
        });
      }
    });
  }
  const auto own_id = own.get_id();
  for (auto& thread : threads) thread.join();
  own.join();
  CHECK(total == kThreads * kTasks);
  CHECK(ordered);
  CHECK(runner == own_id);
}

TEST_CASE("a task may post another") {
  Loop loop;
  int depth = 0;
  std::function<void()> again = [&] {
    if (++depth < 100) loop.post(again);
  };
  loop.post(again);
  run_until(loop, [&] { return depth == 100; });
}

TEST_CASE("what is posted to a loop that has ended is dropped, and what it holds is freed") {
  auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([&loop] { loop.stop(); });
    loop.run();
    loop.post([held] { FAIL("it ran"); });
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("a loop that was told to stop and never ran can be destroyed") {
  Loop loop;
  loop.stop();
}

TEST_CASE("a deadline fires, not early and not more than two ticks and the machine's own delay late") {
  Loop loop;
  bool fired = false;
  Alarm alarm([&] { fired = true; });
  const auto start = monotonic_now();
  uv_update_time(loop.raw());
  loop.arm(alarm, loop.now() + Milliseconds(120));
  run_until(loop, [&] { return fired; });
  CHECK(monotonic_now() - start >= Milliseconds(119));
}

TEST_CASE("a deadline can be armed again from its own callback, and after the wheel stood still") {
  Loop loop;
  int fired = 0;
  Alarm alarm([&] {
    if (++fired < 3) loop.arm(alarm, loop.now() + Milliseconds(1));
  });
  loop.arm(alarm, loop.now());
  run_until(loop, [&] { return fired == 3; });
  CHECK(loop.wheel().empty());
  loop.arm(alarm, loop.now() + Milliseconds(1));
  run_until(loop, [&] { return fired == 4; });
  loop.wheel().disarm(alarm);
}

TEST_CASE("a loop knows how late it came to its ticks, and missed ticks count once, by the oldest") {
  Loop loop;
  Alarm keeps_it_going([] {});
  uv_update_time(loop.raw());
  const auto before = Clock::now();
  loop.arm(keeps_it_going, loop.now() + Milliseconds(60'000));
  const auto after = Clock::now();
  spin_until(after + kTick * 5 / 2);  // a turn that takes long: two ticks are missed, or more
  const auto at_least = Clock::now() - after - kTick;
  CHECK(loop.lag().count() == 0);
  turn_until_ticks(loop, 1);
  CHECK(loop.lag().quantile(1) >= at_least - std::chrono::microseconds(1));

  turn_until_ticks(loop, 2);
  const auto at_most = Clock::now() - before - kTick * 3;  // whatever the machine did
  CHECK(loop.lag().quantile(0.5) <= at_most * 33 / 32);    // the smaller of the two
  loop.wheel().disarm(keeps_it_going);
}

TEST_CASE("while the wheel stands still nothing is late") {
  Loop loop;
  Alarm alarm([] {});
  Clock::duration longest{};  // what a lag may be at most, whatever the machine did
  const auto go_round = [&] {
    const auto before = Clock::now();
    uv_update_time(loop.raw());
    loop.arm(alarm, loop.now());
    while (!loop.wheel().empty()) loop.turn(Loop::Patience::kUntilSomething);
    longest = std::max(longest, Clock::now() - before - kTick);
  };
  go_round();
  spin_until(Clock::now() + kTick * 3);
  go_round();
  CHECK(loop.lag().count() >= 2);
  CHECK(loop.lag().quantile(1) <= longest * 33 / 32);
}

TEST_CASE("now() is the monotonic clock") {
  Loop loop;
  uv_update_time(loop.raw());
  const auto difference = monotonic_now() - loop.now();
  CHECK(difference >= Milliseconds(-5));
  CHECK(difference < Milliseconds(5000));
}

}  // namespace drover::net
