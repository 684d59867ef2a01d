// The access log's line: one JSON object a session, written when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "observe/outcome.h"

namespace drover::observe {

// Close codes in the line: of the Close frame that this peer sent; 1005 where it had none in it (RFC 6455
// section 7.1.5).
struct SessionLine {
  std::string_view id, resume_id, request_id;
  std::string_view client;                // "1.2.3.4:5"
  std::string_view route, pool, backend;  // backend empty: none was reached
  unsigned attempts = 0;
  unsigned status = 0;    // of the answer to the client; 0: it got none
  std::string_view path;  // without the query
  std::string_view subprotocol;
  Milliseconds duration{0};
  std::uint64_t messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0;
  std::optional<std::uint16_t> close_code_client, close_code_backend;
  // The last round trip of a ping of Drover's own; none: no such ping was answered.
  std::optional<std::chrono::microseconds> rtt_client, rtt_backend;
  Initiator initiator = Initiator::kClient;
  Why why = Why::kNormal;
  std::string_view detail;  // what was wrong, where the session was rejected
};

// {"event":"session","time":"2026-11-21T23:09:21.123Z","id":…}; bytes that are no UTF-8 become U+FFFD.
std::string to_json(const SessionLine& line);

}  // namespace drover::observe
