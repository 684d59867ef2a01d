// How many lines a log has lost, by reason, and when to tell of them: at most once a minute, so that trouble with a log
// does not fill the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace drover::log {

enum class Loss : std::uint8_t {
  kQueueFull,    // lines come faster than they are taken, or nobody takes them
  kNoSpace,      // the disk, the quota or the largest size of a file is reached
  kWriteFailed,  // anything else: a pipe without a reader, a broken disk
};
inline constexpr std::size_t kLosses = 3;

Loss loss_of(int error_number);       // of a write(2) that failed
std::string_view name_of(Loss loss);  // "queue_full", "no_space", "write_failed"

// Lines by Loss.
using Losses = std::array<std::uint64_t, kLosses>;

// Of one log. One thread at a time.
class LossReport {
 public:
  static constexpr Milliseconds kInterval{60'000};

  enum class Writing : std::uint8_t { kWorks, kFails, kEnds };
  enum class ToldIn : std::uint8_t { kAnotherLog, kItself };

  explicit LossReport(ToldIn told_in) : told_in_(told_in) {}

  // What to tell now; zeros: nothing. `lost` is all since the start. Told at once where writing works (again) and at
  // the end; while it fails, only when there has been something to tell for an interval.
  Losses due(const Losses& lost, Writing writing, MonotonicTime now);
  // All since the start that was told.
  const Losses& told() const { return told_; }

 private:
  const ToldIn told_in_;
  Losses told_{};
  std::optional<MonotonicTime> told_at_;
  std::optional<MonotonicTime> untold_since_;
};

}  // namespace drover::log
