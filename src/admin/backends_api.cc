// What a list shows of a backend, a change of it shows too.
#include "admin/backends_api.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

#include "admin/find_backend.h"
#include "admin/no_body.h"
#include "admin/rounded.h"
#include "admin/scores.h"
#include "balancer/load_report.h"
#include "balancer/pool.h"
#include "balancer/score.h"
#include "base/log.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kMostWeight = 1'000;

// The numbers of a report under the names that the API has for them.
struct Figure {
  const char* name;
  std::optional<double> balancer::LoadReport::* told;
  balancer::Reading balancer::Load::* known;
};

constexpr Figure kFigures[] = {
    {"cpu", &balancer::LoadReport::cpu, &balancer::Load::cpu},
    {"memory", &balancer::LoadReport::memory, &balancer::Load::memory},
    {"connections", &balancer::LoadReport::connections, &balancer::Load::connections},
    {"message_rate", &balancer::LoadReport::message_rate, &balancer::Load::message_rate},
    {"response_time_ms", &balancer::LoadReport::response_time_ms, &balancer::Load::response_time},
};

// Whatever was ever reported, stale or not: its age says so.
Json load_of(const balancer::Load& load, MonotonicTime now) {
  auto json = Json::object();
  std::optional<MonotonicTime> youngest;
  for (const auto& figure : kFigures) {
    const auto last = (load.*figure.known).last();
    if (!last) continue;
    json[figure.name] = rounded(last->value);
    youngest = std::max(youngest.value_or(last->at), last->at);
  }
  // Other threads look at the clock on their own, so a reading may be ahead of `now`.
  if (youngest) json["age_ms"] = std::max<std::int64_t>((now - *youngest).count(), 0);
  if (const auto ignored = load.ignored.load(std::memory_order_relaxed); ignored > 0) json["ignored"] = ignored;
  return json;
}

Json latency_of(const balancer::Load& load) {
  const auto last = load.latency.reading().last();
  return last ? Json(rounded(last->value)) : Json();
}

Json totals_of(const balancer::Backend& backend) {
  const auto traffic = backend.traffic_totals();
  return {{"sessions", backend.sessions()},     {"failures", backend.failures()},
          {"messages_in", traffic.messages_in}, {"messages_out", traffic.messages_out},
          {"bytes_in", traffic.bytes_in},       {"bytes_out", traffic.bytes_out}};
}

Json parts_of(const balancer::Score& score) {
  auto json = Json::object();
  for (std::size_t term = 0; term < balancer::kTerms; ++term) {
    if (score.parts[term]) json[std::string(balancer::kTermNames[term])] = rounded(*score.parts[term]);
  }
  return json;
}

// `score`: none where the backend is not eligible.
Json backend_json(const balancer::Backend& backend, const std::optional<balancer::Score>& score, MonotonicTime now) {
  Json json = {{"name", backend.name()},
               {"address", backend.address().text},
               {"probe", balancer::name_of(backend.probe())},
               {"ejected", backend.ejected()},
               {"admin", balancer::name_of(backend.operator_state())},
               {"eligible", score.has_value()},
               {"weight", backend.weight()}};
  if (const auto percent = backend.weight_percent(); percent != 100) json["weight_percent"] = percent;
  if (backend.leaving()) json["leaving"] = true;
  json["max_connections"] = backend.max_connections();
  json["active"] = backend.active();
  json["score"] = score ? Json(rounded(score->total)) : Json();
  json["score_parts"] = score ? parts_of(*score) : Json::object();
  json["load"] = load_of(backend.load(), now);
  json["latency_ms"] = latency_of(backend.load());
  json["totals"] = totals_of(backend);
  return json;
}

// An object for each of them, in their order.
Json backends_json(const balancer::Pool& pool, balancer::Standard standard, MonotonicTime now) {
  auto backends = Json::array();
  for (const auto& [backend, score] : scored(pool, standard, now)) {
    backends.push_back(backend_json(*backend, score, now));
  }
  return backends;
}

Json pool_json(const balancer::Pool& pool, MonotonicTime now) {
  const auto standard = pool.standard();
  Json json = {{"name", pool.name()}, {"policy", pool.settings().policy}};
  if (standard == balancer::Standard::kPanic) json["panic"] = true;
  json["backends"] = backends_json(pool, standard, now);
  return json;
}

// As the list has it.
Json found_json(const FoundBackend& found, MonotonicTime now) {
  const auto all = found.pool->backends();
  const auto index = std::ranges::find(all, found.backend) - all.begin();
  return backends_json(*found.pool, found.pool->standard(), now)[static_cast<std::size_t>(index)];
}

// Empty where nothing looks like percent.
std::string percent_warning(const balancer::LoadReport& report) {
  std::string list;
  for (const auto& value : report.look_like_percent) list.append(list.empty() ? "" : ", ").append(value);
  return list.empty() ? list : "above 2, which looks like percent where fractions are expected: " + list;
}

Reply set_state(const Call& call, balancer::OperatorState state) {
  const auto found = find_backend(call.source, call.parameters[0], call.parameters[1]);
  if (!found) return found.error();
  if (const auto nothing = check_no_settings(call.request.body); !nothing) return nothing.error();
  balancer::Backend& backend = *found->backend;
  const auto peer = call.request.peer.text();
  call.source.set_operator_state(backend, state, peer);
  log::info(
      "backend_operator_state",
      {{"pool", backend.pool()}, {"backend", backend.name()}, {"state", balancer::name_of(state)}, {"peer", peer}});
  auto json = found_json(*found, call.request.now);
  if (const auto agent = backend.agent_state(); agent > state) {
    json["note"] = "its agent says " + std::string(balancer::name_of(agent)) + ", which is stricter and counts";
  }
  return json_reply(200, json);
}

// {"weight":2} and nothing else; none: it is not that.
std::optional<unsigned> read_weight(std::string_view body) {
  const auto json = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.size() != 1 || !json.contains("weight")) return std::nullopt;
  const auto& weight = json["weight"];
  if (!weight.is_number_unsigned()) return std::nullopt;
  const auto number = weight.get<std::uint64_t>();
  if (number < 1 || number > kMostWeight) return std::nullopt;
  return static_cast<unsigned>(number);
}

}  // namespace

Reply list_backends(const Call& call) {
  auto pools = Json::array();
  for (const auto& pool : call.source.pools()) pools.push_back(pool_json(*pool, call.request.now));
  return json_reply(200, Json{{"pools", std::move(pools)}});
}

Reply take_load(const Call& call) {
  const auto found = find_backend(call.source, call.parameters[0], call.parameters[1]);
  if (!found) return found.error();
  balancer::Backend& backend = *found->backend;
  if (call.request.body.empty()) return failure(400, "there is no body, or no Content-Length");
  const auto report = balancer::parse_json_report(call.request.body);
  if (!report) return failure(400, report.error().detail);

  backend.take_report(*report, call.request.now);  // of an empty report too: what is ignored is counted
  log::debug("load_posted",
             {{"pool", backend.pool()}, {"backend", backend.name()}, {"peer", call.request.peer.text()}});
  const auto warning = percent_warning(*report);
  if (report->empty()) {
    return failure(400, warning.empty() ? "none of cpu_usage, memory_usage, connections, message_rate and "
                                          "response_time has a usable value"
                                        : warning);
  }
  auto taken = Json::object();
  for (const auto& figure : kFigures) {
    if (!((*report).*figure.told)) continue;
    // As it was taken: a fraction above 1 counts as 1.
    if (const auto known = (backend.load().*figure.known).last()) taken[figure.name] = rounded(known->value);
  }
  Json json = {{"taken", std::move(taken)}, {"ignored", report->ignored}};
  if (!warning.empty()) json["warning"] = warning;
  return json_reply(200, json);
}

Reply set_ready(const Call& call) {
  return set_state(call, balancer::OperatorState::kReady);
}

Reply set_maintenance(const Call& call) {
  return set_state(call, balancer::OperatorState::kMaintenance);
}

Reply set_weight(const Call& call) {
  const auto found = find_backend(call.source, call.parameters[0], call.parameters[1]);
  if (!found) return found.error();
  const auto weight = read_weight(call.request.body);
  if (!weight) {
    return failure(400, "the body is {\"weight\":N} with a whole number from 1 to " + std::to_string(kMostWeight));
  }
  balancer::Backend& backend = *found->backend;
  backend.set_weight(*weight);
  log::info(
      "backend_weight",
      {{"pool", backend.pool()}, {"backend", backend.name()}, {"weight", *weight}, {"peer", call.request.peer.text()}});
  return json_reply(200, found_json(*found, call.request.now));
}

}  // namespace drover::admin
