// The session line in JSON. Everything beyond printable ASCII is written as \uXXXX: DEL, C1 controls and characters
// that reverse the writing direction can fool a terminal or a grep just as CR and ESC can.
#include "observe/access_log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdio>
#include <utility>

namespace drover::observe {

namespace {

using Json = nlohmann::json;

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

bool is_plain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

// One object, a field after the other. A tree of values, as the library has it, takes 100,000 instructions a line, more
// than the whole handshake: so the library gets only the texts that need its escapes.
class LineWriter {
 public:
  LineWriter() { text_.reserve(kTypicalLine); }

  void add(std::string_view key, std::string_view text) { put(start(key), text); }
  void add(std::string_view key, std::integral auto number) { start(key).append(std::to_string(number)); }
  // In milliseconds, with three decimals at most.
  void add(std::string_view key, std::chrono::microseconds time) {
    // The division rounds to the double next to the decimal, and the shortest text of that is the decimal itself.
    start(key).append(Json(static_cast<double>(time.count()) / 1000.0).dump());
  }
  template <class Value>
  void add(std::string_view key, const std::optional<Value>& value) {
    if (value) return add(key, *value);
    start(key).append("null");
  }
  // An array from the start: a session that moves is served by several.
  void add_backends(std::string_view key, std::string_view backend) {
    std::string& out = start(key).append("[");
    if (!backend.empty()) {
      put(out.append(R"({"name":)"), backend);
      out.append(R"(,"why":"pick"})");
    }
    out.append("]");
  }
  std::string take() && { return std::move(text_.append("}")); }

 private:
  static constexpr std::size_t kTypicalLine = 1024;

  std::string& start(std::string_view key) {
    return text_.append(text_.empty() ? "{\"" : ",\"").append(key).append("\":");
  }
  static void put(std::string& out, std::string_view text) {
    if (std::ranges::all_of(text, is_plain)) {
      out.append("\"").append(text).append("\"");
    } else {
      out.append(Json(text).dump(-1, ' ', true, Json::error_handler_t::replace));
    }
  }

  std::string text_;
};

}  // namespace

std::string to_json(const SessionLine& line) {
  LineWriter out;
  out.add("event", std::string_view("session"));
  out.add("time", std::string_view(utc_now()));
  out.add("id", line.id);
  out.add("resume_id", line.resume_id);
  out.add("request_id", line.request_id);
  out.add("client", line.client);
  out.add("route", line.route);
  out.add("pool", line.pool);
  out.add_backends("backends", line.backend);
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

}  // namespace drover::observe
