// The access log's lines: one a session, written when it ends, and at debug one when its tunnel begins. As JSON, or as
// text for people and grep.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "observe/outcome.h"

namespace drover::observe {

struct OpenLine {
  std::string id, resume_id;
  std::string_view request_id;            // empty: Drover's own, which is the resume_id
  std::string client;                     // "1.2.3.4:5"
  std::string_view route, pool, backend;  // backend empty: none was reached
  unsigned attempts = 0;
  std::string_view path;  // without the query
  std::string_view subprotocol;
};

// Of a session that was given another backend.
struct Move {
  std::string backend;  // the name of the one that it left
  MoveCause why = MoveCause::kDrain;
};

// Close codes in the line: of the Close frame that this peer sent; 1005 where it had none in it (RFC 6455
// section 7.1.5).
struct SessionLine : OpenLine {
  std::span<const Move> moves;  // in their order; `backend` is where the last one led
  unsigned status = 0;          // of the answer to the client; 0: it got none
  Milliseconds duration{0};
  std::uint64_t messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0;
  std::optional<std::uint16_t> close_code_client, close_code_backend;
  // The last round trip of a ping of Drover's own; none: no such ping was answered.
  std::optional<std::chrono::microseconds> rtt_client, rtt_backend;
  Initiator initiator = Initiator::kClient;
  Why why = Why::kNormal;
  std::string_view detail;  // what was wrong, where the session was rejected or a frame broke a rule
};

// {"event":"session","time":"2026-11-21T23:09:21.123Z","id":…}; bytes that are no UTF-8 become U+FFFD.
std::string to_json(const OpenLine& line);
std::string to_json(const SessionLine& line);

// 2026-11-21T23:09:21.123Z session client=1.2.3.4:5 path=/ws …: what a person reads first stands first, what is empty
// is left out. Of two sides the client's number is the first, and '-' is none.
std::string to_text(const OpenLine& line);
std::string to_text(const SessionLine& line);

// Puts the line into the access log, in the log's format. Any thread.
void log_open(const OpenLine& line);
void log_session(const SessionLine& line);
// Whether there is an access log that has open lines.
bool logs_open_lines();

}  // namespace drover::observe
