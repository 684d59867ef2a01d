// Tables of words, and where a number stands in them.
#include "observe/outcome.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace drover::observe {

namespace {

// The last three stand for all that is not listed.
constexpr std::array<std::string_view, kCloseCodes> kCloseCodeNames = {"1000", "1001", "1002", "1003", "1005", "1007",
                                                                       "1008", "1009", "1010", "1011", "1012", "1013",
                                                                       "1014", "3xxx", "4xxx", "none"};
constexpr std::array<std::uint16_t, kCloseCodes - 3> kListedCodes = {1000, 1001, 1002, 1003, 1005, 1007, 1008,
                                                                     1009, 1010, 1011, 1012, 1013, 1014};

// The last five stand for all that is not listed.
constexpr std::array<std::string_view, kStatuses> kStatusNames = {
    "101", "200", "204", "301", "302", "303", "304", "307", "308", "400", "401", "402",
    "403", "404", "405", "406", "407", "408", "409", "410", "413", "414", "426", "429",
    "431", "500", "502", "503", "504", "1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr std::array<std::uint16_t, kStatuses - 5> kListedStatuses = {101, 200, 204, 301, 302, 303, 304, 307, 308, 400,
                                                                      401, 402, 403, 404, 405, 406, 407, 408, 409, 410,
                                                                      413, 414, 426, 429, 431, 500, 502, 503, 504};

}  // namespace

std::string_view name_of(Initiator initiator) {
  switch (initiator) {
    case Initiator::kClient: return "client";
    case Initiator::kBackend: return "backend";
    case Initiator::kDrover: return "drover";
  }
  return "unknown";
}

std::string_view name_of(Why why) {
  switch (why) {
    case Why::kNormal: return "normal";
    case Why::kIdle: return "idle";
    case Why::kPingTimeout: return "ping_timeout";
    case Why::kDrain: return "drain";
    case Why::kShutdown: return "shutdown";
    case Why::kProtocolError: return "protocol_error";
    case Why::kTooBig: return "too_big";
    case Why::kSlow: return "slow";
    case Why::kBackendLost: return "backend_lost";
    case Why::kClientLost: return "client_lost";
    case Why::kAdmin: return "admin";
    case Why::kRejected: return "rejected";
  }
  return "unknown";
}

std::string_view name_of(Source source) {
  switch (source) {
    case Source::kBackend: return "backend";
    case Source::kDrover: return "drover";
  }
  return "unknown";
}

std::string_view name_of(MoveMode mode) {
  switch (mode) {
    case MoveMode::kHandoff: return "handoff";
    case MoveMode::kNotify: return "notify";
    case MoveMode::kClose: return "close";
    case MoveMode::kRescue: return "rescue";
  }
  return "unknown";
}

std::string_view name_of(MoveResult result) {
  switch (result) {
    case MoveResult::kOk: return "ok";
    case MoveResult::kForced: return "forced";
    case MoveResult::kRefused: return "refused";
    case MoveResult::kFailed: return "failed";
  }
  return "unknown";
}

std::string_view name_of(MoveCause cause) {
  switch (cause) {
    case MoveCause::kDrain: return "drain";
    case MoveCause::kLeaving: return "leaving";
    case MoveCause::kClosed: return "closed";
    case MoveCause::kRescued: return "rescued";
    case MoveCause::kRebalance: return "rebalance";
  }
  return "unknown";
}

std::size_t close_code_place(std::uint16_t code) {
  const auto listed = std::ranges::find(kListedCodes, code);
  if (listed != kListedCodes.end()) return static_cast<std::size_t>(listed - kListedCodes.begin());
  constexpr std::size_t k3xxx = kListedCodes.size();
  if (code >= 3000 && code <= 3999) return k3xxx;
  if (code >= 4000 && code <= 4999) return k3xxx + 1;
  return k3xxx + 2;
}

std::string_view close_code_name(std::size_t place) {
  return kCloseCodeNames[place];
}

std::size_t status_place(unsigned status) {
  const auto listed = std::ranges::find(kListedStatuses, status);
  if (listed != kListedStatuses.end()) return static_cast<std::size_t>(listed - kListedStatuses.begin());
  const unsigned hundreds = std::clamp(status / 100, 1U, 5U);
  return kListedStatuses.size() + hundreds - 1;
}

std::string_view status_name(std::size_t place) {
  return kStatusNames[place];
}

}  // namespace drover::observe
