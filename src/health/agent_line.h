// The line of HAProxy's agent-check protocol (HAProxy configuration manual, "agent-check"): ASCII words, separated by
// spaces, tabs or commas, up to CR or LF; '#' begins a description. Pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "balancer/backend_state.h"

namespace drover::health {

struct AgentReport {
  enum class Health : std::uint8_t { kUp, kDown };
  std::optional<Health> health;                      // up; down, fail, failed, stopped
  std::optional<balancer::OperatorState> state;      // ready, drain, maint
  std::optional<unsigned> weight_percent;            // "75%": of the configured weight; at most 256 %, as HAProxy has it
  std::optional<std::uint32_t> max_connections;      // "maxconn:30"; 0: none
  std::string description;                           // behind '#', for the log; cut to 128 printable characters
  std::uint32_t ignored = 0;                         // words that nobody knows, and numbers out of range
};

// The last word of a kind counts, as in HAProxy. Error: kBadGateway, Side::kBackend: no word that means anything, or
// over 1024 bytes.
Result<AgentReport> parse_agent_line(std::string_view line);

}  // namespace drover::health
