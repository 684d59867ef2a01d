// The lines in JSON. Everything beyond printable ASCII is written as \uXXXX (base/json_writer.h): DEL, C1 controls and
// characters that reverse the writing direction can fool a terminal or a grep just as CR and ESC can.
#include "observe/access_log.h"

#include <chrono>
#include <optional>
#include <utility>

#include "base/json_writer.h"
#include "base/log.h"
#include "observe/utc_time.h"

namespace drover::observe {

namespace {

constexpr std::size_t kTypicalLine = 1024;  // bytes

// One object, with the kinds of fields that a line has.
class LineWriter {
 public:
  LineWriter() : out_(kTypicalLine) { out_.open_object(); }

  template <class Value>
  void add(std::string_view key, const Value& value) {
    out_.add(key, value);
  }
  // In milliseconds, with three decimals at most.
  void add(std::string_view key, std::chrono::microseconds time) {
    // The division rounds to the double next to the decimal, and the shortest text of that is the decimal itself.
    out_.add(key, static_cast<double>(time.count()) / 1000.0);
  }
  template <class Value>
  void add(std::string_view key, const std::optional<Value>& value) {
    if (value) return add(key, *value);
    out_.key(key);
    out_.null();
  }
  // All that served the session, each with why it was that one.
  void add_backends(std::string_view last, std::span<const Move> moves) {
    out_.key("backends");
    out_.open_array();
    std::string_view why = "pick";
    for (const Move& move : moves) {
      add_backend("name", move.backend, why);
      why = name_of(move.why);
    }
    if (!last.empty()) add_backend("name", last, why);
    out_.close_array();
  }
  std::string take() && {
    out_.close_object();
    return std::move(out_).take();
  }

 private:
  void add_backend(std::string_view key, std::string_view name, std::string_view why) {
    out_.open_object();
    out_.add(key, name);
    out_.add("why", why);
    out_.close_object();
  }

  JsonWriter out_;
};

// Up to who is asked.
void add_start(LineWriter& out, std::string_view event, const OpenLine& line) {
  out.add("event", event);
  out.add("time", std::string_view(utc_now()));
  out.add("id", line.id);
  out.add("resume_id", line.resume_id);
  out.add("request_id", line.request_id.empty() ? line.resume_id : line.request_id);
  out.add("client", line.client);
  out.add("route", line.route);
  out.add("pool", line.pool);
}

template <class Line>
void put_into_log(const Line& line) {
  log::access(log::access_format() == log::Format::kText ? to_text(line) : to_json(line));
}

}  // namespace

std::string to_json(const OpenLine& line) {
  LineWriter out;
  add_start(out, "open", line);
  out.add("backend", line.backend);
  out.add("attempts", line.attempts);
  out.add("path", line.path);
  out.add("subprotocol", line.subprotocol);
  return std::move(out).take();
}

std::string to_json(const SessionLine& line) {
  LineWriter out;
  add_start(out, "session", line);
  out.add_backends(line.backend, line.moves);
  out.add("attempts", line.attempts);
  out.add("status", line.status == 0 ? std::nullopt : std::optional(line.status));
  out.add("path", line.path);
  out.add("subprotocol", line.subprotocol);
  out.add("duration_ms", line.duration.count());
  out.add("messages_in", line.messages_in);
  out.add("messages_out", line.messages_out);
  out.add("bytes_in", line.bytes_in);
  out.add("bytes_out", line.bytes_out);
  out.add("close_code_client", line.close_code_client);
  out.add("close_code_backend", line.close_code_backend);
  out.add("rtt_client_ms", line.rtt_client);
  out.add("rtt_backend_ms", line.rtt_backend);
  out.add("initiator", name_of(line.initiator));
  out.add("why", name_of(line.why));
  if (!line.detail.empty()) out.add("detail", line.detail);
  return std::move(out).take();
}

void log_open(const OpenLine& line) {
  put_into_log(line);
}

void log_session(const SessionLine& line) {
  put_into_log(line);
}

bool logs_open_lines() {
  return log::enabled(log::Level::kDebug) && log::access_enabled();
}

}  // namespace drover::observe
