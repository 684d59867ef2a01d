// Beside ranges: settings that contradict each other are errors, and those that do nothing are warned of.
#include "config/read_health.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr milliseconds kNotZero{1};
constexpr milliseconds kLeastInterval{100};
constexpr milliseconds kLeastResolveInterval{1'000};  // DNS servers must not be hammered
constexpr std::uint16_t kLastPort = 65'535;

using Type = HealthCheck::Type;

constexpr std::array kTypes = {
    Choice<Type>{"tcp", Type::kTcp},
    Choice<Type>{"http", Type::kHttp},
    Choice<Type>{"websocket", Type::kWebSocket},
};

// A request target (RFC 9112 section 3.2.1): unlike a route's path it may have a query.
Result<std::string> parse_target(std::string_view text) {
  const bool visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '#'; });
  if (!text.starts_with('/') || !visible)
    return invalid("expected a path such as '/health', percent-encoded, got " + in_quotes(text));
  return std::string(text);
}

// As it goes into a Host header, port included.
Result<std::string> parse_host_header(std::string_view text) {
  if (text.empty()) return std::string();
  if (const auto host = parse_host(text); !host) return std::unexpected(host.error());
  return std::string(text);
}

void read_interval(Reader& reader, const Field& field, milliseconds& interval) {
  milliseconds read = interval;
  reader.duration(field, milliseconds(0), read);
  if (read > milliseconds(0) && read < kLeastInterval)
    return reader.error(field.position(),
                        "'" + field.path + "' must be 0 or between " + format_duration(kLeastInterval) + " and " +
                            format_duration(kLongestDuration) + ", got " + in_quotes(format_duration(read)));
  interval = read;
}

// A key that says what it says by default is let pass where the type is said too: the long form, in which every key
// stands. Where it is not, the key was probably meant to change the type.
void warn_of_idle_keys(Reader& reader, const Field& map, const HealthCheck& check) {
  const HealthCheck usual;
  const bool type_said = map["type"].present();
  const auto warn = [&](std::string_view name, bool changed) {
    const Field field = map[name];
    if (!field.present() || (!changed && type_said)) return;
    reader.warn(field.position(), "'" + field.path + "' has no effect where '" + map.child_path("type") + "' is " +
                                      (check.type == Type::kTcp ? "tcp" : "websocket"));
  };
  if (check.type == Type::kHttp) return;
  if (check.type == Type::kTcp) {
    warn("path", check.path != usual.path);
    warn("host", check.host != usual.host);
  }
  warn("expect_status", check.expect_status != usual.expect_status);
  warn("expect_body", check.expect_body != usual.expect_body);
}

void warn_of_late_probes(Reader& reader, const Field& map, const HealthCheck& check) {
  if (check.interval == milliseconds(0) || check.timeout <= check.interval) return;
  const Field timeout = map["timeout"];
  const Field interval = map["interval"];
  reader.warn((timeout.present() ? timeout : interval).position(),
              "'" + timeout.path + "' at '" + format_duration(check.timeout) + "' is longer than '" + interval.path +
                  "' at '" + format_duration(check.interval) +
                  "': a backend that does not answer is probed less often");
}

void read_health_check(Reader& reader, const Field& map, HealthCheck& check) {
  reader.choice(map["type"], std::span<const Choice<Type>>(kTypes), check.type);
  const Field path = map["path"];
  if (const auto text = reader.text(path)) check.path = reader.parsed(path, *text, parse_target).value_or("");
  const Field host = map["host"];
  if (const auto text = reader.text(host)) check.host = reader.parsed(host, *text, parse_host_header).value_or("");
  reader.number(map["expect_status"], 100U, 599U, check.expect_status);
  if (auto body = reader.text(map["expect_body"])) check.expect_body = *std::move(body);
  read_interval(reader, map["interval"], check.interval);
  reader.duration(map["timeout"], kNotZero, check.timeout);
  reader.number(map["rise"], 1U, 1000U, check.rise);
  reader.number(map["fall"], 1U, 1000U, check.fall);
  const Field agent_port = map["agent_port"];
  reader.number(agent_port, std::uint16_t{0}, kLastPort, check.agent_port);
  if (check.agent_port > 0 && check.interval == milliseconds(0))
    reader.error(agent_port.position(), "'" + agent_port.path + "' needs '" + map.child_path("interval") +
                                            "' above 0: the agent is asked as often");
  if (reader.failed()) return;  // what could not be read would be warned of for the wrong reason
  warn_of_idle_keys(reader, map, check);
  warn_of_late_probes(reader, map, check);
}

void read_ejection(Reader& reader, const Field& map, Ejection& ejection) {
  reader.number(map["failures"], 0U, 1000U, ejection.failures);
  reader.duration(map["base_time"], kNotZero, ejection.base_time);
  reader.number(map["max_ejected_percent"], 0U, 100U, ejection.max_ejected_percent);
}

}  // namespace

void read_health(Reader& reader, const Field& map, Pool& pool) {
  read_health_check(reader, map["health_check"], pool.health_check);
  reader.duration(map["resolve_interval"], kLeastResolveInterval, pool.resolve_interval);
  read_ejection(reader, map["ejection"], pool.ejection);
  reader.share(map["panic_threshold"], pool.panic_threshold);
  reader.flag(map["required"], pool.required);
}

}  // namespace drover::config
