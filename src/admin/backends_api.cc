// Numbers are shown with six significant digits: more would only be noise of the division.
#include "admin/backends_api.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <expected>
#include <iterator>
#include <memory>

#include "balancer/load_report.h"
#include "balancer/pool.h"
#include "balancer/score.h"
#include "base/log.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

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

double rounded(double value) {
  char text[32];
  const auto printed = std::to_chars(text, std::end(text), value, std::chars_format::general, 6);
  double result = 0;
  std::from_chars(text, printed.ptr, result);
  return result;
}

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

Json pool_json(const balancer::Pool& pool, MonotonicTime now) {
  const auto standard = pool.standard();
  const auto all = pool.backends();
  // Asked once: the states may change meanwhile, and what is scored must have been added.
  std::vector<bool> eligible;
  balancer::Scoring scoring(pool.settings().score, now);
  for (const auto& backend : all) {
    eligible.push_back(balancer::eligible(*backend, standard));
    if (eligible.back()) scoring.add(*backend);
  }
  auto backends = Json::array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto score = eligible[i] ? std::optional(scoring.of(*all[i])) : std::nullopt;
    backends.push_back(backend_json(*all[i], score, now));
  }
  Json json = {{"name", pool.name()}, {"policy", pool.settings().policy}};
  if (standard == balancer::Standard::kPanic) json["panic"] = true;
  json["backends"] = std::move(backends);
  return json;
}

std::expected<std::shared_ptr<balancer::Backend>, Reply> find_backend(const Source& source,
                                                                      const std::string& pool_name,
                                                                      const std::string& name) {
  const auto pools = source.pools();
  const auto pool = std::ranges::find(pools, pool_name, [](const auto& one) { return one->name(); });
  if (pool == pools.end()) return std::unexpected(failure(404, "no pool '" + pool_name + "'"));
  const auto backends = (*pool)->backends();
  const auto backend = std::ranges::find(backends, name, [](const auto& one) { return one->name(); });
  if (backend != backends.end()) return *backend;
  return std::unexpected(failure(404, "no backend '" + name + "' in pool '" + pool_name + "'"));
}

// Empty where nothing looks like percent.
std::string percent_warning(const balancer::LoadReport& report) {
  std::string list;
  for (const auto& value : report.look_like_percent) list.append(list.empty() ? "" : ", ").append(value);
  return list.empty() ? list : "above 2, which looks like percent where fractions are expected: " + list;
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
  balancer::Backend& backend = **found;
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

}  // namespace drover::admin
