// The lines as text. Whom it is about and what became of it come first, then the figures, and at the end what one
// copies from one place to search in another.
#include <cstdio>

#include "base/log.h"
#include "observe/access_log.h"
#include "observe/utc_time.h"

namespace drover::observe {

namespace {

constexpr std::string_view kNone = "-";

class TextLine {
 public:
  explicit TextLine(std::string_view event) {
    text_.reserve(kTypicalLine);
    text_.append(utc_now()).append(" ").append(event);
  }

  void add(std::string_view key, std::string_view value) {
    if (!value.empty()) log::append_field(text_, key, value);
  }
  void add(std::string_view key, unsigned number) {
    if (number != 0) log::append_field(text_, key, std::to_string(number));
  }
  // Of the client and of the backend.
  void add_sides(std::string_view key, const std::string& client, const std::string& backend) {
    if (client == kNone && backend == kNone) return;
    log::append_field(text_, key, client + "/" + backend);
  }
  std::string take() && { return std::move(text_); }

 private:
  static constexpr std::size_t kTypicalLine = 512;

  std::string text_;
};

// "26h1m2.345s", "2.345s".
std::string text_of(Milliseconds time) {
  const std::chrono::hh_mm_ss parts(time);
  std::string text;
  if (parts.hours().count() > 0) text.append(std::to_string(parts.hours().count())).append("h");
  if (time >= std::chrono::minutes(1)) text.append(std::to_string(parts.minutes().count())).append("m");
  char seconds[sizeof("59.999s") + 32];
  std::snprintf(seconds, sizeof(seconds), "%d.%03ds", static_cast<int>(parts.seconds().count()),
                static_cast<int>(parts.subseconds().count()));
  return text.append(seconds);
}

// "0.412ms"
std::string text_of(const std::optional<std::chrono::microseconds>& time) {
  if (!time) return std::string(kNone);
  char text[sizeof("31535999999.999ms") + 32];
  std::snprintf(text, sizeof(text), "%.3fms", static_cast<double>(time->count()) / 1000.0);
  return text;
}

std::string text_of(const std::optional<std::uint16_t>& close_code) {
  return close_code ? std::to_string(*close_code) : std::string(kNone);
}

// "3/120B"
std::string traffic(std::uint64_t messages, std::uint64_t bytes) {
  return std::to_string(messages) + "/" + std::to_string(bytes) + "B";
}

// "web-1:drain,web-2:rescued": where it was before, and why no longer.
std::string text_of(std::span<const Move> moves) {
  std::string text;
  for (const Move& move : moves) {
    if (!text.empty()) text.append(",");
    text.append(move.backend).append(":").append(name_of(move.why));
  }
  return text;
}

void add_place(TextLine& out, const OpenLine& line) {
  out.add("pool", line.pool);
  out.add("backend", line.backend);
  out.add("path", line.path);
}

void add_rest(TextLine& out, const OpenLine& line) {
  out.add("attempts", line.attempts);
  out.add("subprotocol", line.subprotocol);
  out.add("route", line.route);
  out.add("id", line.id);
  out.add("request_id", line.request_id.empty() ? line.resume_id : line.request_id);
  out.add("resume_id", line.resume_id);
}

}  // namespace

std::string to_text(const OpenLine& line) {
  TextLine out("open");
  out.add("client", line.client);
  add_place(out, line);
  add_rest(out, line);
  return std::move(out).take();
}

std::string to_text(const SessionLine& line) {
  TextLine out("session");
  out.add("client", line.client);
  out.add("status", line.status);
  out.add("end", std::string(name_of(line.initiator)).append(":").append(name_of(line.why)));
  out.add("detail", line.detail);
  add_place(out, line);
  out.add("moves", text_of(line.moves));
  out.add("duration", text_of(line.duration));
  out.add("in", traffic(line.messages_in, line.bytes_in));
  out.add("out", traffic(line.messages_out, line.bytes_out));
  out.add_sides("close", text_of(line.close_code_client), text_of(line.close_code_backend));
  out.add_sides("rtt", text_of(line.rtt_client), text_of(line.rtt_backend));
  add_rest(out, line);
  return std::move(out).take();
}

}  // namespace drover::observe
