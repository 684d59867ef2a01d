// The effective configuration as YAML in the long form. Strings are quoted, so that nothing in them is syntax, and what
// is no string is not: the JSON is made of this.
#include <limits>
#include <utility>

#include "config/hash_key.h"
#include "config/load.h"
#include "config/values.h"

namespace drover::config {
namespace {

// Double quotes for YAML, "$$" for the expansion. There are no control characters to escape: the loader takes none.
std::string string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '$') result += '$';
    result += c;
  }
  return result + "\"";
}

// Whether there is one, and no more: a dump ends up in logs and tickets.
std::string secret(std::string_view text) {
  return string(text.empty() ? "" : "***");
}

std::string flag(bool value) {
  return value ? "true" : "false";
}

std::string_view name_of(HealthCheck::Type type) {
  switch (type) {
    case HealthCheck::Type::kTcp: return "tcp";
    case HealthCheck::Type::kHttp: return "http";
    case HealthCheck::Type::kWebSocket: return "websocket";
  }
  return "tcp";
}

std::string_view name_of(OnDown on_down) {
  switch (on_down) {
    case OnDown::kKeep: return "keep";
  }
  return "keep";
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "info";
}

std::string_view name_of(LogFormat format) {
  switch (format) {
    case LogFormat::kJson: return "json";
    case LogFormat::kText: return "text";
  }
  return "json";
}

class Writer {
 public:
  // "  key: value"; an empty value opens a map or a list.
  void line(std::size_t indent, std::string_view key, std::string_view value = "") {
    out_.append(indent, ' ').append(key).append(":");
    if (!value.empty()) out_.append(" ").append(value);
    out_ += '\n';
  }
  void item(std::size_t indent, std::string_view value) { out_.append(indent, ' ').append("- ").append(value) += '\n'; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

template <class Items, class Text>
std::string flow_list(const Items& items, Text text) {
  std::string result = "[";
  for (const auto& each : items) result += (result.size() > 1 ? ", " : "") + string(text(each));
  return result + "]";
}

void write_routes(Writer& writer, const Config& config) {
  writer.line(0, "routes");
  for (const Route& route : config.routes) {
    std::string match;
    const auto add = [&](std::string_view key, const std::string& value) {
      match.append(match.empty() ? "" : ", ").append(key).append(": ").append(value);
    };
    if (route.match.host) add("host", string(*route.match.host));
    if (route.match.path) add("path", string(*route.match.path));
    if (route.match.websocket) add("websocket", flag(*route.match.websocket));
    writer.item(2, "match: {" + match + "}");
    writer.line(4, "pool", string(route.pool));
    writer.line(4, "strip_prefix", flag(route.strip_prefix));
    writer.line(4, "allowed_origins", flow_list(route.allowed_origins, [](const std::string& each) { return each; }));
  }
}

void write_balancing(Writer& writer, const Pool& pool) {
  if (pool.policy == "consistent_hash") {
    writer.line(4, "policy");
    writer.line(6, pool.policy);
    writer.line(8, "key", string(format_hash_key(pool.consistent_hash.key)));
    writer.line(8, "bound", format_decimal(pool.consistent_hash.bound));
  } else {
    writer.line(4, "policy", pool.policy);
  }
  const bool all = pool.choices == kAllChoices;
  writer.line(4, "choices", !pool.choices ? "auto" : all ? "all" : std::to_string(*pool.choices));
  writer.line(4, "score");
  writer.line(6, "connections", format_decimal(pool.score.connections));
  writer.line(6, "cpu", format_decimal(pool.score.cpu));
  writer.line(6, "memory", format_decimal(pool.score.memory));
  writer.line(6, "latency", format_decimal(pool.score.latency));
  writer.line(6, "message_rate", format_decimal(pool.score.message_rate));
  writer.line(6, "latency_reference", format_duration(pool.score.latency_reference));
  writer.line(6, "stale_after", format_duration(pool.score.stale_after));
  writer.line(4, "slow_start", format_duration(pool.slow_start));
}

void write_health(Writer& writer, const Pool& pool) {
  const HealthCheck& check = pool.health_check;
  writer.line(4, "health_check");
  writer.line(6, "type", name_of(check.type));
  writer.line(6, "path", string(check.path));
  writer.line(6, "host", string(check.host));
  writer.line(6, "expect_status", std::to_string(check.expect_status));
  writer.line(6, "expect_body", string(check.expect_body));
  writer.line(6, "interval", format_duration(check.interval));
  writer.line(6, "timeout", format_duration(check.timeout));
  writer.line(6, "rise", std::to_string(check.rise));
  writer.line(6, "fall", std::to_string(check.fall));
  writer.line(6, "agent_port", std::to_string(check.agent_port));
  writer.line(4, "resolve_interval", format_duration(pool.resolve_interval));
  writer.line(4, "ejection");
  writer.line(6, "failures", std::to_string(pool.ejection.failures));
  writer.line(6, "base_time", format_duration(pool.ejection.base_time));
  writer.line(6, "max_ejected_percent", std::to_string(pool.ejection.max_ejected_percent));
  writer.line(4, "panic_threshold", format_share(pool.panic_threshold));
  writer.line(4, "on_down", name_of(pool.on_down));
  writer.line(4, "required", flag(pool.required));
}

void write_pool(Writer& writer, const Pool& pool) {
  writer.line(2, string(pool.name));
  writer.line(4, "backends");
  for (const BackendSpec& backend : pool.backends) {
    writer.item(6, "name: " + string(backend.name));
    writer.line(8, "address", string(backend.address.text));
    writer.line(8, "weight", std::to_string(backend.weight));
    writer.line(8, "max_connections", std::to_string(backend.max_connections));
  }
  write_balancing(writer, pool);
  writer.line(4, "attempts", std::to_string(pool.attempts));
  write_health(writer, pool);
  writer.line(4, "limits");
  writer.line(6, "max_message_size", format_size(pool.limits.max_message_size));
  writer.line(6, "max_fragments", std::to_string(pool.limits.max_fragments));
  writer.line(4, "slow_client");
  writer.line(6, "max_queued", format_size(pool.slow_client.max_queued));
  writer.line(4, "timeouts");
  writer.line(6, "connect", format_duration(pool.timeouts.connect));
  writer.line(6, "upgrade", format_duration(pool.timeouts.upgrade));
  writer.line(6, "idle", format_duration(pool.timeouts.idle));
  writer.line(6, "stalled_write", format_duration(pool.timeouts.stalled_write));
  writer.line(6, "close", format_duration(pool.timeouts.close));
  writer.line(4, "ping");
  writer.line(6, "clients", format_duration(pool.ping.clients));
  writer.line(6, "backends", format_duration(pool.ping.backends));
  writer.line(6, "timeout", format_duration(pool.ping.timeout));
}

void write_process(Writer& writer, const Config& config) {
  const bool limited = config.limits.max_connections < std::numeric_limits<std::uint32_t>::max();
  writer.line(0, "limits");
  writer.line(2, "max_connections", limited ? std::to_string(config.limits.max_connections) : "0");
  writer.line(2, "max_head_size", format_size(config.limits.max_head_size));
  writer.line(2, "max_headers", std::to_string(config.limits.max_headers));
  writer.line(2, "head_timeout", format_duration(config.limits.head_timeout));
  writer.line(0, "shutdown");
  writer.line(2, "announce", format_duration(config.shutdown.announce));
  writer.line(2, "pace", config.shutdown.pace ? format_rate(*config.shutdown.pace) : "auto");
  writer.line(2, "deadline", format_duration(config.shutdown.deadline));
  writer.line(0, "admin");
  writer.line(2, "bind", string(config.admin.bind ? config.admin.bind->text : ""));
  writer.line(2, "token", secret(config.admin.token));
  writer.line(2, "load_token", secret(config.admin.load_token));
  writer.line(2, "hosts", flow_list(config.admin.hosts, [](const std::string& each) { return each; }));
  writer.line(0, "probes");
  writer.line(2, "bind", string(config.probes.bind ? config.probes.bind->text : ""));
  writer.line(0, "log");
  writer.line(2, "level", name_of(config.log.level));
  writer.line(2, "access", string(config.log.access));
  writer.line(2, "format", name_of(config.log.format));
}

}  // namespace

std::string to_yaml(const Config& config) {
  Writer writer;
  writer.line(0, "workers", config.workers ? std::to_string(*config.workers) : "auto");
  writer.line(0, "listeners");
  for (const Listener& listener : config.listeners) {
    writer.item(2, "bind: " + string(listener.bind.text));
    writer.line(4, "shared", flag(listener.shared));
    writer.line(4, "health_path", string(listener.health_path));
  }
  writer.line(0, "trusted_proxies", flow_list(config.trusted_proxies, [](const Network& each) { return each.text; }));
  writer.line(0, "nameservers", flow_list(config.nameservers, [](const Endpoint& each) { return each.text; }));
  write_routes(writer, config);
  writer.line(0, "pools");
  for (const Pool& pool : config.pools) write_pool(writer, pool);
  write_process(writer, config);
  return writer.take();
}

}  // namespace drover::config
