// The operational log (stderr) and the access log, both behind bounded queues: a thread that logs never waits for a
// file, a pipe or a disk; what does not fit, or cannot be written, is dropped and counted. Any thread, between open()
// and close().
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/log_losses.h"

namespace drover::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class Log : std::uint8_t { kOperational, kAccess };
enum class Format : std::uint8_t { kJson, kText };

struct Settings {
  Level level = Level::kInfo;
  std::string access = "off";     // "stdout", "stderr", "off", or a path
  Format format = Format::kJson;  // of the access log's lines, for those who make them
};

// Starts the writers. Call after any fork. Errors: kConfiguration, where the access log's file cannot be opened.
Result<void> open(const Settings& settings);
// A change of the settings, of which all that can fail has been done; one that is dropped changes nothing.
class Change;
struct DropChange {
  void operator()(Change* change) const noexcept;
};
using PreparedChange = std::unique_ptr<Change, DropChange>;
// The supervisor's thread, as apply(). Errors of open().
Result<PreparedChange> prepare(const Settings& settings);
// Lines that are logged from now on go by it; lines of the access log that wait go to the new place, too.
void apply(PreparedChange change);

// Writes out what is queued, waiting at most a second for a reader that does not read, and stops the writers.
void close();

// For logrotate, which has renamed the access log's file: what is logged from now on goes to a new one under its path.
// Its writer does that between two lines and logs `logs_reopened`, or why the old file stays. Does not wait. The
// supervisor's thread.
void reopen();

bool enabled(Level level);
// Lines that were dropped since open(). The event `log_lines_dropped` tells of them, at most once a minute a log.
std::uint64_t dropped_lines(Log log, Loss loss);
std::uint64_t dropped_lines();  // in all

// key=value; the value is quoted and escaped where it holds anything but plain characters, so one event is one line.
struct Field {
  Field(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  Field(std::string_view field_key, const char* text) : key(field_key), value(text) {}
  Field(std::string_view field_key, std::string text) : key(field_key), value(std::move(text)) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view field_key, Number number) : key(field_key), value(std::to_string(number)) {}
  std::string_view key;
  std::string value;
};

// "2026-11-21T23:09:21.123Z info listening address=127.0.0.1:8080"
void event(Level level, std::string_view name, std::initializer_list<Field> fields);
inline void debug(std::string_view name, std::initializer_list<Field> fields) {
  event(Level::kDebug, name, fields);
}
inline void info(std::string_view name, std::initializer_list<Field> fields) {
  event(Level::kInfo, name, fields);
}
inline void warn(std::string_view name, std::initializer_list<Field> fields) {
  event(Level::kWarn, name, fields);
}
inline void error(std::string_view name, std::initializer_list<Field> fields) {
  event(Level::kError, name, fields);
}

// Whether there is an access log: without one a line need not be made.
bool access_enabled();
Format access_format();
// One line of the access log, without '\n'.
void access(std::string_view line);

// What event() writes behind the name: " key=value key=\"quoted\"".
std::string fields_text(std::initializer_list<Field> fields);
// One of them.
void append_field(std::string& out, std::string_view key, std::string_view value);

}  // namespace drover::log
