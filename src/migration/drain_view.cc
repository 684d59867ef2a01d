// The words of the admin API, of metrics and of the log.
#include "migration/drain_view.h"

namespace drover::migration {

std::string_view name_of(Cause cause) {
  switch (cause) {
    case Cause::kOperator: return "operator";
    case Cause::kReload: return "reload";
    case Cause::kRebalance: return "rebalance";
    case Cause::kShutdown: return "shutdown";
    case Cause::kDns: return "dns";
    case Cause::kAgent: return "agent";
    case Cause::kBackend: return "backend";
  }
  return "unknown";
}

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::kHandoff: return "handoff";
    case Mode::kNotify: return "notify";
    case Mode::kClose: return "close";
  }
  return "unknown";
}

std::string_view name_of(DrainState state) {
  switch (state) {
    case DrainState::kRunning: return "running";
    case DrainState::kWaiting: return "waiting";
    case DrainState::kFrozen: return "frozen";
    case DrainState::kDone: return "done";
    case DrainState::kExpired: return "expired";
    case DrainState::kCancelled: return "cancelled";
    case DrainState::kHalted: return "halted";
    case DrainState::kDryRun: return "dry_run";
  }
  return "unknown";
}

}  // namespace drover::migration
