// What can go wrong, whose fault it is, and what to tell the log. No exceptions beyond configuration
// loading and start-up: a function that can fail returns Result<T>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace drover {

// Who is to blame. A failure on Side::kDrover (EMFILE, ENOMEM, EADDRNOTAVAIL) is never held against a backend.
enum class Side : std::uint8_t { kClient, kBackend, kDrover };

enum class Code : std::uint8_t {
  // Answered to the client with an HTTP status (http/answer.h).
  kBadRequest,          // 400
  kUnauthorized,        // 401: a resume token that is not good
  kForbidden,           // 403
  kNoRoute,             // 404
  kMethodNotAllowed,    // 405
  kRequestTimeout,      // 408
  kTargetTooLong,       // 414
  kUpgradeRequired,     // 426: ordinary HTTP where only WebSockets are served
  kUnsupportedVersion,  // 426: Sec-WebSocket-Version other than 13
  kTooManyRequests,     // 429
  kHeadTooLarge,        // 431
  kBadGateway,          // 502: the backend's answer breaks a rule
  kConnectionLimit,     // 503: limits.max_connections
  kUnavailable,         // 503: no backend to be had
  kGatewayTimeout,      // 504
  // Never seen by a client as a status of its own.
  kConnectFailed,   // the backend refused or is unreachable; the next candidate may do better
  kConnectTimeout,  // as kConnectFailed, by timeout
  kOwnResources,    // EMFILE, ENOMEM, EADDRNOTAVAIL: Drover's own failure
  kAddress,         // an address that cannot be parsed, resolved or bound
  kConfiguration,   // anything wrong in the configuration or at start-up
  kInternal,        // a state that cannot be; logged with both names
};
inline constexpr std::size_t kCodes = static_cast<std::size_t>(Code::kInternal) + 1;
// Those before this one can be the reason of an answer to a client.
inline constexpr std::size_t kAnswerableCodes = static_cast<std::size_t>(Code::kConnectFailed);

struct Error {
  Code code;
  Side side;
  std::string detail;  // for the log and, where the client is to blame, for the client; one line, no trailing dot
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, Side side, std::string detail) {
  return std::unexpected(Error{code, side, std::move(detail)});
}

// Lower-case word for logs: "client", "backend", "drover".
std::string_view name_of(Side side);
// For labels of metrics: "bad_request", "no_route", …
std::string_view name_of(Code code);

}  // namespace drover
