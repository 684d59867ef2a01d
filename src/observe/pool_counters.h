// What one worker counts for one pool, whichever backends it has. Only the worker writes, anybody may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "base/message_tally.h"
#include "observe/buckets.h"
#include "observe/outcome.h"

namespace drover::observe {

// Microseconds that a client waits, for its 101 or while its backend is changed: 1 ms … 10 s.
inline constexpr std::array<std::uint64_t, 13> kWaitBounds = {1'000,     2'500,     5'000,     10'000,  25'000,
                                                              50'000,    100'000,   250'000,   500'000, 1'000'000,
                                                              2'500'000, 5'000'000, 10'000'000};
// Seconds from the accept to the end: 1 s … 30 days.
inline constexpr std::array<std::uint64_t, 11> kSessionBounds = {1,      10,     60,      300,     1'800,    3'600,
                                                                 21'600, 86'400, 259'200, 604'800, 2'592'000};

// One direction of all tunnels.
struct Passed {
  MessageTally messages;         // data messages
  Counter pings, pongs, closes;  // control frames that were passed on; those of Drover's own are not among them
  Counter bytes;                 // as they stand on the wire, frame headers included
};

struct alignas(64) PoolCounters {
  Passed in;   // from clients
  Passed out;  // from backends
  // Answers to upgrade requests, by who gave them and status_place().
  std::array<std::array<Counter, kStatuses>, kSources> answers;
  // Ends of sessions, by close_code_place(), initiator and why.
  std::array<std::array<std::array<Counter, kWhys>, kInitiators>, kCloseCodes> ends;
  // Moves of sessions that have ended, by mode and result.
  std::array<std::array<Counter, kMoveResults>, kMoveModes> migrations;
  Buckets<kWaitBounds> upgrade_time;     // microseconds
  Buckets<kWaitBounds> pause_time;       // microseconds; of handoffs that came to an end
  Buckets<kSessionBounds> session_time;  // seconds; of those that had a tunnel
};

}  // namespace drover::observe
