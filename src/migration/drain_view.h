// A drain plan as it is asked for, and as it is told of: plain values. A plan empties a backend, a pool or all of
// Drover by moving its sessions, and sends new ones elsewhere from its first moment (DESIGN section 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace drover::migration {

// Why sessions have to go.
enum class Cause : std::uint8_t { kOperator, kReload, kRebalance, kShutdown, kDns, kAgent, kBackend };
std::string_view name_of(Cause cause);  // "operator", "reload", …

// The ways to move a session, in the order in which they are tried.
enum class Mode : std::uint8_t { kHandoff, kNotify, kClose };
inline constexpr std::size_t kModes = 3;
std::string_view name_of(Mode mode);  // "handoff", "notify", "close"

// What a plan may say otherwise than its pool's `migration`.
struct DrainTerms {
  Mode first_mode = Mode::kHandoff;  // those before it are left out
  // Sessions a second, above 0. None: what the pool says, unless `auto_pace`.
  std::optional<double> pace;
  bool auto_pace = false;  // spread over what the deadline leaves, whatever the pool says
  std::optional<Milliseconds> deadline, grace;
};

struct DrainRequest {
  std::string pool;
  std::string backend;  // empty: all of the pool
  DrainTerms terms;
  bool dry_run = false;
};

enum class DrainState : std::uint8_t {
  kRunning,
  kWaiting,    // no other backend could take the sessions: nothing is moved
  kFrozen,     // by the operator's freeze: nothing is moved, and its deadline stands still
  kDone,       // nobody is left
  kExpired,    // the deadline came first: those that are left stay
  kCancelled,  // called off, or replaced by another plan
  kHalted,     // too many of its handoffs came to nothing; those that are left stay
  kDryRun,     // nothing was done
};
std::string_view name_of(DrainState state);  // "running", "waiting", …, "halted", "dry_run"

struct DrainView {
  std::string id;  // "d1"; empty: a dry run
  Cause cause = Cause::kOperator;
  std::string pool;                   // empty: all of Drover
  std::vector<std::string> backends;  // by name
  bool whole_pool = false;
  DrainState state = DrainState::kRunning;
  std::uint64_t total = 0;           // sessions that it has found so far
  std::uint64_t moved[kModes] = {};  // by Mode; of a dry run: what would be
  std::uint64_t forced = 0;          // were notified, and had to be closed all the same
  std::uint64_t failed = 0;          // handoffs that came to nothing; their sessions went on to the next mode
  std::uint64_t ended = 0;           // went by themselves, before their turn
  std::uint64_t told = 0;            // are among those that are left: they have been told when to go
  std::uint64_t left = 0;            // are still to go; who was closed and lingers is not among them
  double pace = 0;                   // sessions a second, as it is now
  Milliseconds eta{0};               // until nobody is left, at that pace
  Milliseconds deadline{0};          // from now
  std::vector<std::string> warnings;
};

}  // namespace drover::migration
