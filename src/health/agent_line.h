// The line of HAProxy's agent-check protocol (HAProxy configuration manual, "agent-check"): ASCII words in any case,
// separated by spaces, tabs or commas, up to CR or LF; '#' begins a description. Pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/backend_state.h"
#include "base/error.h"

namespace drover::health {

struct AgentReport {
  enum class Health : std::uint8_t { kUp, kDown };
  std::optional<Health> health;                  // up; down, fail, failed, stopped
  std::optional<balancer::OperatorState> state;  // ready, drain, maint
  std::optional<unsigned> weight_percent;        // "75%": of the configured weight, 0 to 256 %
  std::optional<std::uint32_t> max_connections;  // "maxconn:30"; 0: none
  std::string description;                       // behind '#', for the log; at most 128 printable ASCII characters
  std::uint32_t ignored = 0;                     // words that nobody knows, and numbers out of range
};

// The last word of a kind counts, as in HAProxy, even if its number cannot be used. Whoever reads from a socket passes
// whole lines: "maxconn:3" may be the beginning of "maxconn:30". Error: kBadGateway, Side::kBackend: no word that means
// anything, or over 1024 bytes to the end of the line.
Result<AgentReport> parse_agent_line(std::string_view line);

}  // namespace drover::health
