// The effective configuration as a tree in the long form, every default spelled out. What a key's value is, a number,
// a word or a text, is decided here and nowhere else.
#include "config/dump.h"

#include <initializer_list>
#include <limits>
#include <string_view>
#include <utility>

#include "config/dump_tree.h"
#include "config/hash_key.h"
#include "config/load.h"
#include "config/values.h"

namespace drover::config {
namespace {

using Kind = DumpValue::Kind;
using Entries = std::initializer_list<DumpEntry>;

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
    case OnDown::kMove: return "move";
  }
  return "keep";
}

std::string_view name_of(Handoff handoff) {
  switch (handoff) {
    case Handoff::kOff: return "off";
    case Handoff::kOptIn: return "opt_in";
    case Handoff::kAssume: return "assume";
  }
  return "opt_in";
}

std::string_view name_of(Notify notify) {
  switch (notify) {
    case Notify::kOff: return "off";
    case Notify::kOptIn: return "opt_in";
    case Notify::kAlways: return "always";
  }
  return "opt_in";
}

std::string_view name_of(Resume::OnInvalidToken on_invalid_token) {
  switch (on_invalid_token) {
    case Resume::OnInvalidToken::kIgnore: return "ignore";
    case Resume::OnInvalidToken::kReject: return "reject";
  }
  return "ignore";
}

std::string_view name_of(TlsVersion version) {
  switch (version) {
    case TlsVersion::k12: return "1.2";
    case TlsVersion::k13: return "1.3";
  }
  return "1.2";
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

DumpValue scalar(Kind kind, std::string_view text) {
  DumpValue value;
  value.kind = kind;
  value.text = text;
  return value;
}

DumpValue text(std::string_view value) {
  return scalar(Kind::kText, value);
}

DumpValue word(std::string_view value) {
  return scalar(Kind::kWord, value);
}

DumpValue number(std::uint64_t value) {
  return scalar(Kind::kLiteral, std::to_string(value));
}

DumpValue decimal(double value) {
  return scalar(Kind::kLiteral, format_decimal(value));
}

DumpValue flag(bool value) {
  return scalar(Kind::kLiteral, value ? "true" : "false");
}

DumpValue duration(milliseconds value) {
  return word(format_duration(value));
}

DumpValue size(std::uint64_t value) {
  return word(format_size(value));
}

DumpValue rate(double value) {
  return word(format_rate(value));
}

DumpValue share(double value) {
  return word(format_share(value));
}

DumpValue endpoint(const std::optional<Endpoint>& value) {
  return text(value ? value->text : "");
}

DumpValue secret(std::string_view value) {
  return scalar(Kind::kSecret, value);
}

DumpValue pace(const std::optional<double>& value) {
  return value ? rate(*value) : word("auto");
}

DumpValue map(Entries entries) {
  DumpValue value;
  value.kind = Kind::kMap;
  value.entries = entries;
  return value;
}

template <class Items, class Show>
DumpValue list(const Items& items, Show show) {
  DumpValue value;
  value.kind = Kind::kList;
  for (const auto& item : items) value.items.push_back(show(item));
  return value;
}

DumpValue certificate_of(const Certificate& certificate) {
  return map({{"cert", text(certificate.cert)}, {"key", text(certificate.key)}, {"ocsp", text(certificate.ocsp)}});
}

DumpValue listener_of(const Listener& listener) {
  DumpValue shown = map({{"bind", text(listener.bind.text)},
                         {"shared", flag(listener.shared)},
                         {"health_path", text(listener.health_path)}});
  if (const auto& tls = listener.tls)
    shown.entries.push_back({"tls", map({{"certificates", list(tls->certificates, certificate_of)},
                                         {"min_version", text(name_of(tls->min_version))},
                                         {"client_ca", text(tls->client_ca)}})});
  return shown;
}

DumpValue route_of(const Route& route) {
  DumpValue match = map({});
  if (route.match.host) match.entries.push_back({"host", text(*route.match.host)});
  if (route.match.path) match.entries.push_back({"path", text(*route.match.path)});
  if (route.match.websocket) match.entries.push_back({"websocket", flag(*route.match.websocket)});
  return map({{"match", std::move(match)},
              {"pool", text(route.pool)},
              {"strip_prefix", flag(route.strip_prefix)},
              {"allowed_origins", list(route.allowed_origins, text)}});
}

DumpValue backend_of(const BackendSpec& backend) {
  DumpValue shown = map({{"name", text(backend.name)},
                         {"address", text(backend.address.text)},
                         {"weight", number(backend.weight)},
                         {"max_connections", number(backend.max_connections)}});
  if (const auto& tls = backend.tls)
    shown.entries.push_back({"tls", map({{"verify", flag(tls->verify)},
                                         {"server_name", text(tls->server_name)},
                                         {"ca", text(tls->ca)},
                                         {"crl", text(tls->crl)}})});
  return shown;
}

DumpValue policy_of(const Pool& pool) {
  if (pool.policy != "consistent_hash") return word(pool.policy);
  return map({{pool.policy, map({{"key", text(format_hash_key(pool.consistent_hash.key))},
                                 {"bound", decimal(pool.consistent_hash.bound)}})}});
}

DumpValue choices_of(const Pool& pool) {
  if (!pool.choices) return word("auto");
  return *pool.choices == kAllChoices ? word("all") : number(*pool.choices);
}

DumpValue score_of(const Score& score) {
  return map({{"connections", decimal(score.connections)},
              {"cpu", decimal(score.cpu)},
              {"memory", decimal(score.memory)},
              {"latency", decimal(score.latency)},
              {"message_rate", decimal(score.message_rate)},
              {"latency_reference", duration(score.latency_reference)},
              {"stale_after", duration(score.stale_after)}});
}

DumpValue health_check_of(const HealthCheck& check) {
  return map({{"type", word(name_of(check.type))},
              {"path", text(check.path)},
              {"host", text(check.host)},
              {"expect_status", number(check.expect_status)},
              {"expect_body", text(check.expect_body)},
              {"interval", duration(check.interval)},
              {"timeout", duration(check.timeout)},
              {"rise", number(check.rise)},
              {"fall", number(check.fall)},
              {"agent_port", number(check.agent_port)}});
}

DumpValue migration_of(const Migration& migration) {
  return map({{"handoff", word(name_of(migration.handoff))},
              {"notify", word(name_of(migration.notify))},
              {"rescue", flag(migration.rescue)},
              {"pace", pace(migration.pace)},
              {"grace", duration(migration.grace)},
              {"deadline", duration(migration.deadline)},
              {"handoff_timeout", duration(migration.handoff_timeout)},
              {"quiet", duration(migration.quiet)},
              {"max_state", size(migration.max_state)},
              {"cooldown", duration(migration.cooldown)},
              {"stop_if_failing", share(migration.stop_if_failing)},
              {"endpoint", text(migration.endpoint)}});
}

DumpValue rebalance_of(const Rebalance& rebalance) {
  return map({{"enabled", flag(rebalance.enabled)},
              {"threshold", share(rebalance.threshold)},
              {"pace", rate(rebalance.pace)},
              {"cooldown", duration(rebalance.cooldown)},
              {"interval", duration(rebalance.interval)}});
}

DumpValue pool_of(const Pool& pool) {
  return map({{"backends", list(pool.backends, backend_of)},
              {"policy", policy_of(pool)},
              {"choices", choices_of(pool)},
              {"score", score_of(pool.score)},
              {"slow_start", duration(pool.slow_start)},
              {"attempts", number(pool.attempts)},
              {"health_check", health_check_of(pool.health_check)},
              {"resolve_interval", duration(pool.resolve_interval)},
              {"ejection", map({{"failures", number(pool.ejection.failures)},
                                {"base_time", duration(pool.ejection.base_time)},
                                {"max_ejected_percent", number(pool.ejection.max_ejected_percent)}})},
              {"panic_threshold", share(pool.panic_threshold)},
              {"on_down", word(name_of(pool.on_down))},
              {"required", flag(pool.required)},
              {"migration", migration_of(pool.migration)},
              {"lost_backend", map({{"close_pace", rate(pool.lost_backend.close_pace)}})},
              {"rebalance", rebalance_of(pool.rebalance)},
              {"limits", map({{"max_message_size", size(pool.limits.max_message_size)},
                              {"max_fragments", number(pool.limits.max_fragments)}})},
              {"slow_client", map({{"max_queued", size(pool.slow_client.max_queued)}})},
              {"timeouts", map({{"connect", duration(pool.timeouts.connect)},
                                {"upgrade", duration(pool.timeouts.upgrade)},
                                {"idle", duration(pool.timeouts.idle)},
                                {"stalled_write", duration(pool.timeouts.stalled_write)},
                                {"close", duration(pool.timeouts.close)}})},
              {"ping", map({{"clients", duration(pool.ping.clients)},
                            {"backends", duration(pool.ping.backends)},
                            {"timeout", duration(pool.ping.timeout)}})}});
}

DumpValue pools_of(const std::vector<Pool>& pools) {
  DumpValue value;
  value.kind = Kind::kNamedMap;
  for (const Pool& pool : pools) value.entries.push_back({pool.name, pool_of(pool)});
  return value;
}

DumpValue limits_of(const Limits& limits) {
  const bool limited = limits.max_connections < std::numeric_limits<std::uint32_t>::max();
  return map({{"max_connections", number(limited ? limits.max_connections : 0)},
              {"max_head_size", size(limits.max_head_size)},
              {"max_headers", number(limits.max_headers)},
              {"head_timeout", duration(limits.head_timeout)}});
}

}  // namespace

DumpValue tree_of(const Config& config) {
  const Shutdown& shutdown = config.shutdown;
  return map({{"workers", config.workers ? number(*config.workers) : word("auto")},
              {"listeners", list(config.listeners, listener_of)},
              {"trusted_proxies", list(config.trusted_proxies, [](const Network& each) { return text(each.text); })},
              {"nameservers", list(config.nameservers, endpoint)},
              {"reload_wait", duration(config.reload_wait)},
              {"routes", list(config.routes, route_of)},
              {"pools", pools_of(config.pools)},
              {"resume", map({{"secrets", list(config.resume.secrets, secret)},
                              {"on_invalid_token", word(name_of(config.resume.on_invalid_token))}})},
              {"limits", limits_of(config.limits)},
              {"shutdown", map({{"announce", duration(shutdown.announce)},
                                {"pace", pace(shutdown.pace)},
                                {"deadline", duration(shutdown.deadline)}})},
              {"admin", map({{"bind", endpoint(config.admin.bind)},
                             {"token", secret(config.admin.token)},
                             {"load_token", secret(config.admin.load_token)},
                             {"hosts", list(config.admin.hosts, text)}})},
              {"probes", map({{"bind", endpoint(config.probes.bind)}})},
              {"log", map({{"level", word(name_of(config.log.level))},
                           {"access", text(config.log.access)},
                           {"format", word(name_of(config.log.format))}})}});
}

std::string to_yaml(const Config& config) {
  return print_yaml(tree_of(config));
}

std::string to_json(const Config& config) {
  return print_json(tree_of(config));
}

}  // namespace drover::config
