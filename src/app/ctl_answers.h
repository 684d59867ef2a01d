// The admin port's answers as plain values. What an answer does not have, or has of another type, is empty here: an
// older or newer Drover is shown as far as it goes. Texts are as they came: printable() before they are shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace drover::app {

bool is_json(std::string_view body);
// What {"error":"…"} says; empty where it says nothing.
std::string error_sentence(std::string_view body);

// How much of something is used; no limit: there is none, or it is not known.
struct Ceiling {
  std::optional<std::uint64_t> used, limit;
};

// GET /health.
struct HealthAnswer {
  std::string version;
  std::optional<std::uint64_t> uptime_seconds;
  Ceiling connections, descriptors, ports;
  std::string ports_backend;  // that uses most of them
  std::optional<std::uint64_t> resident_bytes, buffered_bytes, log_lines_dropped;
  std::optional<std::int64_t> certificate_days;  // until the first expires
  std::string certificate_file;
};
HealthAnswer read_health(std::string_view body);

// GET /ready: why not; empty: it is.
std::string read_obstacle(std::string_view body);

// GET /api/v1/backends.
struct BackendAnswer {
  std::string pool, name, address, probe, operator_state;
  bool ejected = false;
  bool leaving = false;
  std::optional<std::uint64_t> weight, weight_percent, active, max_connections, load_age_ms, sessions, failures;
  std::optional<double> score, latency_ms, cpu, memory;
};
struct PoolAnswer {
  std::string name;
  bool panic = false;
  std::vector<BackendAnswer> backends;
};
std::vector<PoolAnswer> read_backends(std::string_view body);

// What a change of a backend answers beside its state; mostly empty.
std::string read_note(std::string_view body);

// GET /api/v1/sessions and …/{id}.
struct SessionAnswer {
  std::string id, resume_id, client, pool, backend, subprotocol, state, path;
  std::optional<std::uint64_t> age_ms, messages_in, messages_out, bytes_in, bytes_out, queued, moves;
};
struct SessionsAnswer {
  std::vector<SessionAnswer> sessions;
  std::vector<std::string> json;  // of each of them, as it came
  std::string cursor;             // empty: these are the last
};
SessionAnswer read_session(std::string_view body);
SessionsAnswer read_sessions(std::string_view body);

// A drain plan, and GET /api/v1/drains.
struct DrainAnswer {
  std::string id, cause, pool, state;
  std::string note;  // what a change of it answers beside; mostly empty
  std::vector<std::string> backends, warnings;
  std::optional<std::uint64_t> total, left, told, handoff, notify, close, forced, failed, ended, eta_ms;
  std::optional<double> pace;
};
struct DrainsAnswer {
  std::vector<DrainAnswer> drains;
  bool frozen = false;
};
DrainAnswer read_drain(std::string_view body);
DrainsAnswer read_drains(std::string_view body);

// POST /api/v1/reload, taken or refused.
struct ReloadAnswer {
  std::vector<std::string> errors, changes, warnings;
};
ReloadAnswer read_reload(std::string_view body);

// With line breaks and indentation, and all but ASCII escaped.
std::string indented(std::string_view body);
// The answer that all of these together would have been.
std::string merged(const SessionsAnswer& sessions);

}  // namespace drover::app
