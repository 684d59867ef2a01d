// The words for how sessions begin and end, the same in the access log and as labels of metrics: all of them are fixed
// lists, so no peer can make a series.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace drover::observe {

enum class Initiator : std::uint8_t { kClient, kBackend, kDrover };
inline constexpr std::size_t kInitiators = 3;

enum class Why : std::uint8_t {
  kNormal,  // a Close of client or backend
  kIdle,
  kPingTimeout,
  kDrain,  // its backend was to be emptied
  kShutdown,
  kProtocolError,
  kTooBig,
  kSlow,         // a peer took none of what waited for it for timeouts.stalled_write
  kBackendLost,  // it ended without a Close
  kClientLost,
  kAdmin,     // an operator ended it
  kRejected,  // no tunnel: an answer other than 101
};
inline constexpr std::size_t kWhys = 12;

// Who gave the answer to an upgrade request.
enum class Source : std::uint8_t { kBackend, kDrover };
inline constexpr std::size_t kSources = 2;

// The way a session was moved: those of migration::Mode, and the rescue, which no plan begins with.
enum class MoveMode : std::uint8_t { kHandoff, kNotify, kClose, kRescue };
inline constexpr std::size_t kMoveModes = 4;

// How the move of a session ended.
enum class MoveResult : std::uint8_t {
  kOk,
  kForced,   // it did not go by itself in the time that it had
  kRefused,  // the other backend did not take it
  kFailed,   // it stays where it was
};
inline constexpr std::size_t kMoveResults = 4;

// Why a session was given another backend.
enum class MoveCause : std::uint8_t {
  kDrain,      // its backend was to be emptied
  kLeaving,    // its backend asked for it
  kClosed,     // its backend sent a Close because it went away
  kRescued,    // its backend was lost
  kRebalance,  // its backend had more than its share
};

std::string_view name_of(Initiator initiator);  // "client", "backend", "drover"
std::string_view name_of(Why why);              // "normal", "idle", "shutdown", "protocol_error", …
std::string_view name_of(Source source);        // "backend", "drover"
std::string_view name_of(MoveMode mode);        // "handoff", "notify", "close", "rescue"
std::string_view name_of(MoveResult result);    // "ok", "forced", "refused", "failed"
std::string_view name_of(MoveCause cause);      // "drain", "leaving", "closed", "rescued", "rebalance"

// The places of a table of Close codes: the registered ones below 3000 (RFC 6455 section 7.4.1 and IANA's registry),
// 1005 for a Close without a code, "3xxx", "4xxx", and "none".
inline constexpr std::size_t kCloseCodes = 16;
// 0: there was no Close. Codes that nobody may send are "none" too: they never come this far.
std::size_t close_code_place(std::uint16_t code);
std::string_view close_code_name(std::size_t place);  // "1000", "3xxx", "none"

// The same for HTTP statuses: those that are common on an upgrade, else "1xx" … "5xx".
inline constexpr std::size_t kStatuses = 34;
std::size_t status_place(unsigned status);
std::string_view status_name(std::size_t place);  // "101", "4xx"

}  // namespace drover::observe
