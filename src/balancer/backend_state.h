// The three states of a backend, none of which knows of the others, and who may be sent sessions by them.
#pragma once

#include <cstdint>
#include <string_view>

namespace drover::balancer {

// What the probes say. Beside it stands whether the backend is ejected, for what sessions have met with.
enum class ProbeState : std::uint8_t {
  kChecking,  // no probe has ended yet
  kUp,
  kDown,
};

// What the operator says, by the admin API or through the backend's agent. The stricter is the larger.
enum class OperatorState : std::uint8_t {
  kReady,
  kDrain,        // no new sessions
  kMaintenance,  // the same, and it is known to be away
};

// The words of configuration, admin API and logs.
std::string_view name_of(ProbeState state);
std::string_view name_of(OperatorState state);

}  // namespace drover::balancer
