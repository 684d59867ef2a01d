// Rates and times are written as in the configuration, and read by its parsers.
#include "admin/drain_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "admin/rounded.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;
using migration::DrainTerms;
using migration::DrainView;
using migration::Mode;

std::unexpected<Error> bad(std::string sentence) {
  return fail(Code::kBadRequest, Side::kClient, std::move(sentence));
}

// Sets the member in what is asked for. The error names it.
using ReadMember = Result<void> (*)(const Json& value, DrainWish& wish);

Result<std::string> text_of(const Json& value, std::string_view name, std::string_view example) {
  if (value.is_string()) return value.get<std::string>();
  return bad(std::string(name) + R"( is a text such as ")" + std::string(example) + '"');
}

Result<void> read_mode(const Json& value, DrainWish& wish) {
  for (const auto mode : {Mode::kHandoff, Mode::kNotify, Mode::kClose}) {
    if (value != name_of(mode)) continue;
    wish.terms.first_mode = mode;
    return {};
  }
  return bad(R"(mode is "handoff", "notify" or "close")");
}

// Those of the configuration.
constexpr double kLeastPace = 0.01;
constexpr double kMostPace = 1'000'000;

Result<void> read_pace(const Json& value, DrainWish& wish) {
  const auto text = text_of(value, "pace", "200/s");
  if (!text) return std::unexpected(text.error());
  if (*text == "auto") {
    wish.terms.auto_pace = true;
    return {};
  }
  const auto pace = config::parse_rate(*text);
  if (!pace) return bad("pace: " + pace.error().detail + "; or \"auto\"");
  if (*pace < kLeastPace || *pace > kMostPace) return bad("pace is \"auto\" or from 0.01/s to 1000000/s");
  wish.terms.pace = *pace;
  return {};
}

Result<Milliseconds> read_duration(const Json& value, std::string_view name, std::string_view example) {
  const auto text = text_of(value, name, example);
  if (!text) return std::unexpected(text.error());
  const auto duration = config::parse_duration(*text);
  if (!duration) return bad(std::string(name) + ": " + duration.error().detail);
  return *duration;
}

Result<void> read_deadline(const Json& value, DrainWish& wish) {
  const auto deadline = read_duration(value, "deadline", "60s");
  if (!deadline) return std::unexpected(deadline.error());
  if (deadline->count() == 0) return bad("deadline is above 0: nobody can move in no time");
  wish.terms.deadline = *deadline;
  return {};
}

Result<void> read_grace(const Json& value, DrainWish& wish) {
  const auto grace = read_duration(value, "grace", "10s");
  if (!grace) return std::unexpected(grace.error());
  wish.terms.grace = *grace;
  return {};
}

Result<void> read_dry_run(const Json& value, DrainWish& wish) {
  if (!value.is_boolean()) return bad("dry_run is true or false");
  wish.dry_run = value.get<bool>();
  return {};
}

struct Member {
  std::string_view name;
  ReadMember read;
};
constexpr std::array kMembers = {Member{"mode", read_mode}, Member{"pace", read_pace},
                                 Member{"deadline", read_deadline}, Member{"grace", read_grace},
                                 Member{"dry_run", read_dry_run}};

Result<void> read_member(const std::string& name, const Json& value, DrainWish& wish) {
  const auto known = std::ranges::find(kMembers, name, &Member::name);
  if (known != kMembers.end()) return known->read(value, wish);
  std::array<std::string_view, kMembers.size()> names{};
  std::ranges::transform(kMembers, names.begin(), &Member::name);
  const auto hint = config::did_you_mean(name, names);
  return bad("no member " + config::in_quotes(name) + " here" +
             (hint.empty() ? ": there are mode, pace, deadline, grace and dry_run" : hint));
}

// An object that names no member twice. nlohmann's own would take the last of them in silence.
Result<Json> parse_object(std::string_view body) {
  std::set<std::string> names;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth != 1 || event != Json::parse_event_t::key) return true;
    auto name = parsed.get<std::string>();
    if (!names.insert(name).second) twice = std::move(name);
    return true;
  };
  auto json = Json::parse(body.begin(), body.end(), watch, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return bad(
        R"(the body is a JSON object such as {"mode":"notify","pace":"200/s","deadline":"60s"}, or there is none)");
  }
  if (!twice.empty()) return bad("the member " + config::in_quotes(twice) + " stands there twice");
  return json;
}

// The sentence that is wrong with them together; empty: none. The pool's grace is cut where a deadline is short.
std::string conflict_in(const DrainTerms& terms, const config::Migration& pool) {
  if (!terms.grace) return {};
  const auto deadline = terms.deadline.value_or(pool.deadline);
  if (*terms.grace < deadline) return {};
  std::string sentence = "grace has to be below deadline, and ";
  sentence.append(config::format_duration(*terms.grace)).append(" is not below ");
  return sentence.append(config::format_duration(deadline)).append(terms.deadline ? "" : " (the pool's)");
}

Json json_of(const DrainView& drain) {
  const auto moved = [&drain](Mode mode) { return drain.moved[static_cast<std::size_t>(mode)]; };
  return {{"id", drain.id.empty() ? Json() : Json(drain.id)},
          {"cause", name_of(drain.cause)},
          {"pool", drain.pool.empty() ? Json() : Json(drain.pool)},
          {"backend", drain.backends.size() == 1 ? Json(drain.backends.front()) : Json()},
          {"state", name_of(drain.state)},
          {"total", drain.total},
          {"moved",
           {{"handoff", moved(Mode::kHandoff)},
            {"notify", moved(Mode::kNotify)},
            {"close", moved(Mode::kClose)},
            {"forced", drain.forced},
            {"failed", drain.failed}}},
          {"left", drain.left},
          {"pace", rounded(drain.pace)},
          {"eta_ms", drain.eta.count()},
          {"warnings", drain.warnings},
          {"backends", drain.backends},
          {"told", drain.told},
          {"ended", drain.ended},
          {"deadline_ms", drain.deadline.count()}};
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<DrainWish> read_drain_wish(std::string_view body, const config::Migration& pool) {
  DrainWish wish;
  if (body.empty()) return wish;
  const auto json = parse_object(body);
  if (!json) return std::unexpected(json.error());
  for (const auto& [name, value] : json->items()) {
    if (const auto read = read_member(name, value, wish); !read) return std::unexpected(read.error());
  }
  if (auto conflict = conflict_in(wish.terms, pool); !conflict.empty()) return bad(std::move(conflict));
  return wish;
}

std::string drain_text(const DrainView& drain, std::string_view note) {
  auto json = json_of(drain);
  if (!note.empty()) json["note"] = note;
  return text_of(json);
}

std::string drains_text(std::span<const DrainView> drains, Source::Frozen frozen) {
  auto list = Json::array();
  for (const auto& drain : drains) list.push_back(json_of(drain));
  return text_of(Json{{"drains", std::move(list)}, {"frozen", frozen == Source::Frozen::kYes}});
}

}  // namespace drover::admin
