// When lost lines are told of: at once where writing works, once a minute at most, and never twice.
#include "base/log_losses.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace drover::log {

namespace {

using ToldIn = LossReport::ToldIn;
using Writing = LossReport::Writing;

constexpr MonotonicTime kStart{Milliseconds(5'000'000)};
constexpr Losses kNothing{};

}  // namespace

TEST_CASE("an errno has its reason") {
  for (const int full : {ENOSPC, EDQUOT, EFBIG}) CHECK(loss_of(full) == Loss::kNoSpace);
  for (const int other : {EPIPE, EIO, EBADF, ENOMEM}) CHECK(loss_of(other) == Loss::kWriteFailed);
  CHECK(name_of(Loss::kQueueFull) == "queue_full");
  CHECK(name_of(Loss::kNoSpace) == "no_space");
  CHECK(name_of(Loss::kWriteFailed) == "write_failed");
}

TEST_CASE("nothing lost is nothing to tell") {
  LossReport report(ToldIn::kAnotherLog);
  CHECK(report.due(kNothing, Writing::kWorks, kStart) == kNothing);
  CHECK(report.due(kNothing, Writing::kFails, kStart) == kNothing);
  CHECK(report.due(kNothing, Writing::kEnds, kStart) == kNothing);
}

TEST_CASE("what was lost is told with the first line that works, by reason, and once") {
  LossReport report(ToldIn::kAnotherLog);
  CHECK(report.due({0, 1, 0}, Writing::kFails, kStart) == kNothing);
  CHECK(report.due({0, 5, 0}, Writing::kFails, kStart + Milliseconds(1)) == kNothing);
  CHECK(report.due({2, 5, 1}, Writing::kWorks, kStart + Milliseconds(2)) == Losses{2, 5, 1});
  CHECK(report.told() == Losses{2, 5, 1});
  CHECK(report.due({2, 5, 1}, Writing::kWorks, kStart + 2 * LossReport::kInterval) == kNothing);
}

TEST_CASE("a log that fails now and then is told of once a minute, with all that has come together") {
  LossReport report(ToldIn::kAnotherLog);
  std::uint64_t lost = 0;
  std::uint64_t told = 0;
  unsigned times = 0;
  for (auto now = kStart; now < kStart + 10 * LossReport::kInterval; now += Milliseconds(500)) {
    ++lost;
    for (const auto writing : {Writing::kFails, Writing::kWorks}) {
      const auto due = report.due({0, lost, 0}, writing, now);
      if (due != kNothing) ++times;
      told += due[1];
    }
  }
  CHECK(times == 10);
  CHECK(told == lost - 119);  // since the last minute began
}

TEST_CASE("a log that stays broken is told of too, a minute after its first loss and then every minute") {
  LossReport report(ToldIn::kAnotherLog);
  CHECK(report.due({0, 0, 1}, Writing::kFails, kStart) == kNothing);
  const auto almost = kStart + LossReport::kInterval - Milliseconds(1);
  CHECK(report.due({0, 0, 7}, Writing::kFails, almost) == kNothing);
  CHECK(report.due({0, 0, 8}, Writing::kFails, almost + Milliseconds(1)) == Losses{0, 0, 8});
  CHECK(report.due({0, 0, 9}, Writing::kFails, almost + LossReport::kInterval) == kNothing);
  CHECK(report.due({0, 0, 10}, Writing::kFails, almost + 2 * LossReport::kInterval) == Losses{0, 0, 2});
}

TEST_CASE("a log that stays broken is not told of in itself, where the news would be lost") {
  LossReport report(ToldIn::kItself);
  for (std::uint64_t lost = 1; lost < 10; ++lost) {
    CHECK(report.due({0, lost, 0}, Writing::kFails, kStart + lost * LossReport::kInterval) == kNothing);
  }
  CHECK(report.due({0, 9, 0}, Writing::kWorks, kStart + 10 * LossReport::kInterval) == Losses{0, 9, 0});
}

TEST_CASE("at the end what is left is told, whatever the time") {
  LossReport report(ToldIn::kAnotherLog);
  CHECK(report.due({3, 0, 0}, Writing::kWorks, kStart) == Losses{3, 0, 0});
  CHECK(report.due({4, 0, 0}, Writing::kWorks, kStart + Milliseconds(1)) == kNothing);
  CHECK(report.due({4, 0, 0}, Writing::kEnds, kStart + Milliseconds(2)) == Losses{1, 0, 0});
}

}  // namespace drover::log
