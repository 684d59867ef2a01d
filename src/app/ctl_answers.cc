// The one place of `drover ctl` that knows JSON and the names of the API's fields.
#include "app/ctl_answers.h"

#include <nlohmann/json.hpp>

namespace drover::app {

namespace {

using Json = nlohmann::ordered_json;

const Json kNothing;

Json parsed(std::string_view body) {
  return Json::parse(body, nullptr, /*allow_exceptions=*/false);
}

const Json& at(const Json& json, std::string_view key) {
  const auto found = json.find(key);  // of what is no object: its end
  return found == json.end() ? kNothing : *found;
}

std::string text_at(const Json& json, std::string_view key) {
  const auto& value = at(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<std::uint64_t> count_at(const Json& json, std::string_view key) {
  const auto& value = at(json, key);
  return value.is_number_unsigned() ? std::optional(value.get<std::uint64_t>()) : std::nullopt;
}

std::optional<double> number_at(const Json& json, std::string_view key) {
  const auto& value = at(json, key);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

bool flag_at(const Json& json, std::string_view key) {
  const auto& value = at(json, key);
  return value.is_boolean() && value.get<bool>();
}

Ceiling ceiling_at(const Json& checks, std::string_view check, std::string_view used, std::string_view limit) {
  const auto& json = at(checks, check);
  Ceiling ceiling{.used = count_at(json, used), .limit = count_at(json, limit)};
  if (ceiling.limit == 0) ceiling.limit.reset();
  return ceiling;
}

BackendAnswer backend_of(const Json& json, const std::string& pool) {
  const auto& load = at(json, "load");
  const auto& totals = at(json, "totals");
  return {.pool = pool,
          .name = text_at(json, "name"),
          .address = text_at(json, "address"),
          .probe = text_at(json, "probe"),
          .operator_state = text_at(json, "admin"),
          .ejected = flag_at(json, "ejected"),
          .leaving = flag_at(json, "leaving"),
          .weight = count_at(json, "weight"),
          .weight_percent = count_at(json, "weight_percent"),
          .active = count_at(json, "active"),
          .max_connections = count_at(json, "max_connections"),
          .load_age_ms = count_at(load, "age_ms"),
          .sessions = count_at(totals, "sessions"),
          .failures = count_at(totals, "failures"),
          .score = number_at(json, "score"),
          .latency_ms = number_at(json, "latency_ms"),
          .cpu = number_at(load, "cpu"),
          .memory = number_at(load, "memory")};
}

SessionAnswer session_of(const Json& json) {
  return {.id = text_at(json, "id"),
          .resume_id = text_at(json, "resume_id"),
          .client = text_at(json, "client"),
          .pool = text_at(json, "pool"),
          .backend = text_at(json, "backend"),
          .subprotocol = text_at(json, "subprotocol"),
          .state = text_at(json, "state"),
          .path = text_at(json, "path"),
          .age_ms = count_at(json, "age_ms"),
          .messages_in = count_at(json, "messages_in"),
          .messages_out = count_at(json, "messages_out"),
          .bytes_in = count_at(json, "bytes_in"),
          .bytes_out = count_at(json, "bytes_out"),
          .queued = count_at(json, "queued"),
          .moves = count_at(json, "moves")};
}

std::vector<std::string> texts_at(const Json& json, std::string_view key) {
  std::vector<std::string> texts;
  for (const auto& text : at(json, key)) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

DrainAnswer drain_of(const Json& json) {
  const auto& moved = at(json, "moved");
  return {.id = text_at(json, "id"),
          .cause = text_at(json, "cause"),
          .pool = text_at(json, "pool"),
          .state = text_at(json, "state"),
          .note = text_at(json, "note"),
          .backends = texts_at(json, "backends"),
          .warnings = texts_at(json, "warnings"),
          .total = count_at(json, "total"),
          .left = count_at(json, "left"),
          .told = count_at(json, "told"),
          .handoff = count_at(moved, "handoff"),
          .notify = count_at(moved, "notify"),
          .close = count_at(moved, "close"),
          .forced = count_at(moved, "forced"),
          .failed = count_at(moved, "failed"),
          .ended = count_at(json, "ended"),
          .eta_ms = count_at(json, "eta_ms"),
          .pace = number_at(json, "pace")};
}

}  // namespace

bool is_json(std::string_view body) {
  return Json::accept(body);
}

std::string error_sentence(std::string_view body) {
  return text_at(parsed(body), "error");
}

HealthAnswer read_health(std::string_view body) {
  const auto json = parsed(body);
  const auto& checks = at(json, "checks");
  const auto& memory = at(checks, "memory_usage");
  HealthAnswer answer;
  answer.version = text_at(json, "version");
  answer.uptime_seconds = count_at(json, "uptime_seconds");
  answer.connections = ceiling_at(checks, "connection_pool", "active_connections", "max_connections");
  answer.descriptors = ceiling_at(checks, "descriptors", "used", "limit");
  answer.ports = ceiling_at(checks, "ports", "used", "limit");
  answer.ports_backend = text_at(at(checks, "ports"), "backend");
  answer.resident_bytes = count_at(memory, "rss_bytes");
  answer.buffered_bytes = count_at(memory, "buffered_bytes");
  const auto& certificates = at(checks, "certificates");
  const auto& days = at(certificates, "expires_in_days");
  if (days.is_number_integer()) answer.certificate_days = days.get<std::int64_t>();
  answer.certificate_file = text_at(certificates, "file");
  answer.log_lines_dropped = count_at(at(checks, "message_queue"), "log_lines_dropped");
  return answer;
}

std::string read_obstacle(std::string_view body) {
  const auto json = parsed(body);
  if (flag_at(json, "ready")) return {};
  const auto reason = text_at(json, "reason");
  return reason.empty() ? "no reason given" : reason;
}

std::vector<PoolAnswer> read_backends(std::string_view body) {
  const auto json = parsed(body);
  std::vector<PoolAnswer> pools;
  for (const auto& pool : at(json, "pools")) {
    PoolAnswer answer{.name = text_at(pool, "name"), .panic = flag_at(pool, "panic"), .backends = {}};
    for (const auto& backend : at(pool, "backends")) answer.backends.push_back(backend_of(backend, answer.name));
    pools.push_back(std::move(answer));
  }
  return pools;
}

std::string read_note(std::string_view body) {
  return text_at(parsed(body), "note");
}

SessionAnswer read_session(std::string_view body) {
  return session_of(parsed(body));
}

SessionsAnswer read_sessions(std::string_view body) {
  const auto json = parsed(body);
  SessionsAnswer answer{.sessions = {}, .json = {}, .cursor = text_at(json, "cursor")};
  for (const auto& session : at(json, "sessions")) {
    answer.sessions.push_back(session_of(session));
    answer.json.push_back(session.dump());
  }
  return answer;
}

DrainAnswer read_drain(std::string_view body) {
  return drain_of(parsed(body));
}

DrainsAnswer read_drains(std::string_view body) {
  const auto json = parsed(body);
  DrainsAnswer answer{.drains = {}, .frozen = flag_at(json, "frozen")};
  for (const auto& drain : at(json, "drains")) answer.drains.push_back(drain_of(drain));
  return answer;
}

ReloadAnswer read_reload(std::string_view body) {
  const auto json = parsed(body);
  return {
      .errors = texts_at(json, "errors"), .changes = texts_at(json, "changes"), .warnings = texts_at(json, "warnings")};
}

std::string indented(std::string_view body) {
  return parsed(body).dump(2, ' ', /*ensure_ascii=*/true) + "\n";
}

std::string merged(const SessionsAnswer& sessions) {
  std::string text = R"({"sessions":[)";
  for (std::size_t i = 0; i < sessions.json.size(); ++i) text.append(i == 0 ? "" : ",").append(sessions.json[i]);
  const Json cursor = sessions.cursor.empty() ? Json() : Json(sessions.cursor);
  return text.append(R"(],"cursor":)").append(cursor.dump()).append("}\n");
}

}  // namespace drover::app
