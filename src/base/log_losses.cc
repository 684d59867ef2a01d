// While writing fails, a first loss waits: the end of the failure, when the count is known, may be near.
#include "base/log_losses.h"

#include <algorithm>
#include <cerrno>
#include <functional>

namespace drover::log {

Loss loss_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Loss::kNoSpace;
    default: return Loss::kWriteFailed;
  }
}

std::string_view name_of(Loss loss) {
  switch (loss) {
    case Loss::kQueueFull: return "queue_full";
    case Loss::kNoSpace: return "no_space";
    case Loss::kWriteFailed: return "write_failed";
  }
  return "unknown";
}

Losses LossReport::due(const Losses& lost, Writing writing, MonotonicTime now) {
  if (lost == told_) return {};
  if (!untold_since_) untold_since_ = now;
  if (writing != Writing::kEnds) {
    if (told_at_ && now < *told_at_ + kInterval) return {};
    const bool early = told_in_ == ToldIn::kItself || now < *untold_since_ + kInterval;
    if (writing == Writing::kFails && early) return {};
  }
  Losses untold{};
  std::ranges::transform(lost, told_, untold.begin(), std::minus{});
  told_ = lost;
  told_at_ = now;
  untold_since_.reset();
  return untold;
}

}  // namespace drover::log
