// Words.
#include "balancer/backend_state.h"

namespace drover::balancer {

std::string_view name_of(ProbeState state) {
  switch (state) {
    case ProbeState::kChecking: return "checking";
    case ProbeState::kUp: return "up";
    case ProbeState::kDown: return "down";
  }
  return "unknown";
}

std::string_view name_of(OperatorState state) {
  switch (state) {
    case OperatorState::kReady: return "ready";
    case OperatorState::kDrain: return "drain";
    case OperatorState::kMaintenance: return "maintenance";
  }
  return "unknown";
}

}  // namespace drover::balancer
