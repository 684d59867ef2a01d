// The session line in JSON. Everything beyond printable ASCII is written as \uXXXX: DEL, C1 controls and characters
// that reverse the writing direction can fool a terminal or a grep just as CR and ESC can.
#include "observe/access_log.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>

namespace drover::observe {

namespace {

using Json = nlohmann::ordered_json;

// The wall clock in UTC: "2026-11-21T23:09:21.123Z".
std::string utc_now() {
  const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(now - midnight);
  char text[sizeof("2026-11-21T23:09:21.123Z") + 16];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

Json code_or_null(const std::optional<std::uint16_t>& code) {
  return code ? Json(*code) : Json(nullptr);
}

// The division rounds to the double next to the decimal, and the shortest text of that is the decimal itself.
Json milliseconds_or_null(const std::optional<std::chrono::microseconds>& time) {
  return time ? Json(static_cast<double>(time->count()) / 1000.0) : Json(nullptr);
}

// An array from the start: a session that moves is served by several.
Json backends_of(const SessionLine& line) {
  auto backends = Json::array();
  if (!line.backend.empty()) backends.push_back({{"name", line.backend}, {"why", "pick"}});
  return backends;
}

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
    case Why::kShutdown: return "shutdown";
    case Why::kProtocolError: return "protocol_error";
    case Why::kTooBig: return "too_big";
    case Why::kSlow: return "slow";
    case Why::kBackendLost: return "backend_lost";
    case Why::kClientLost: return "client_lost";
    case Why::kRejected: return "rejected";
  }
  return "unknown";
}

std::string to_json(const SessionLine& line) {
  Json object = {
      {"event", "session"},
      {"time", utc_now()},
      {"id", line.id},
      {"resume_id", line.resume_id},
      {"request_id", line.request_id},
      {"client", line.client},
      {"route", line.route},
      {"pool", line.pool},
      {"backends", backends_of(line)},
      {"attempts", line.attempts},
      {"status", line.status == 0 ? Json(nullptr) : Json(line.status)},
      {"path", line.path},
      {"subprotocol", line.subprotocol},
      {"duration_ms", line.duration.count()},
      {"messages_in", line.messages_in},
      {"messages_out", line.messages_out},
      {"bytes_in", line.bytes_in},
      {"bytes_out", line.bytes_out},
      {"close_code_client", code_or_null(line.close_code_client)},
      {"close_code_backend", code_or_null(line.close_code_backend)},
      {"rtt_client_ms", milliseconds_or_null(line.rtt_client)},
      {"rtt_backend_ms", milliseconds_or_null(line.rtt_backend)},
      {"initiator", name_of(line.initiator)},
      {"why", name_of(line.why)},
  };
  if (!line.detail.empty()) object["detail"] = line.detail;
  return object.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace drover::observe
