// Both forms of a load report end in one table: which member a name fills, and what its value must be. The forms
// themselves only find names and values.
#include "balancer/load_report.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace drover::balancer {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxBody = 64UZ * 1024;
constexpr std::size_t kMaxHeader = 4UZ * 1024;
constexpr std::size_t kMaxHeaderFields = 256;
constexpr double kMaxFraction = 2;

enum class Kind : std::uint8_t {
  kFraction,
  kFractionAboveZero,  // 0 is the same as not reported, as protobuf has it
  kQuantity,
};

// Of the rows that fill one member, the last that has a value counts, wherever it stands in the report.
struct Measure {
  std::string_view json;  // empty: ORCA alone has it
  std::string_view orca;  // TEXT's name; in JSON the part behind the dot is in an object of its own
  std::optional<double> LoadReport::* member;  // null: known, and of no use to Drover
  Kind kind;
};

constexpr std::array kMeasures = {
    Measure{"cpu_usage", "cpu_utilization", &LoadReport::cpu, Kind::kFraction},
    Measure{"", "application_utilization", &LoadReport::cpu, Kind::kFractionAboveZero},
    Measure{"memory_usage", "mem_utilization", &LoadReport::memory, Kind::kFraction},
    Measure{"connections", "named_metrics.connections", &LoadReport::connections, Kind::kQuantity},
    Measure{"", "rps_fractional", &LoadReport::message_rate, Kind::kQuantity},
    Measure{"message_rate", "named_metrics.message_rate", &LoadReport::message_rate, Kind::kQuantity},
    Measure{"response_time", "named_metrics.response_time", &LoadReport::response_time_ms, Kind::kQuantity},
    Measure{"", "eps", nullptr, Kind::kQuantity},
};

struct Dialect {
  std::string_view Measure::* name;
  std::span<const std::string_view> maps;  // "map.key" is known whatever the key is
};

constexpr std::array<std::string_view, 3> kOrcaMaps = {"named_metrics", "utilization", "request_cost"};
constexpr Dialect kDrover{.name = &Measure::json, .maps = {}};
constexpr Dialect kOrca{.name = &Measure::orca, .maps = kOrcaMaps};

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// "cpu_usage=45", the number as short as it can be.
std::string as_told(std::string_view name, double value) {
  std::array<char, 32> buffer{};  // the shortest form of a double has at most 24 characters
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return std::string(name).append("=").append(buffer.data(), end);
}

// Judges one report's values as they come.
class Judge {
 public:
  explicit Judge(const Dialect& dialect) : dialect_(dialect) {}

  // No value: what stood there was no number. The last of several values of one name counts, and so a bad one takes a
  // good one back: it is not known then.
  void take(std::string_view name, std::optional<double> value);

  // Whether an object under this name has names of its own: "map.key".
  bool is_map(std::string_view name) const { return std::ranges::find(dialect_.maps, name) != dialect_.maps.end(); }
  std::size_t fields() const { return fields_; }
  LoadReport report();

 private:
  bool is_known(std::string_view name) const;

  const Dialect& dialect_;
  LoadReport report_;
  std::array<std::optional<double>, kMeasures.size()> values_;  // a row of kMeasures each
  std::size_t fields_ = 0;
};

// Of a name that is in no row.
bool Judge::is_known(std::string_view name) const {
  return std::ranges::any_of(dialect_.maps, [&](std::string_view map) {
    return name.size() > map.size() + 1 && name.starts_with(map) && name[map.size()] == '.';
  });
}

void Judge::take(std::string_view name, std::optional<double> value) {
  ++fields_;
  const bool is_usable = value && std::isfinite(*value) && *value >= 0;
  const auto row = std::ranges::find(kMeasures, name, dialect_.name);
  if (name.empty() || row == kMeasures.end()) {
    if (!is_usable || !is_known(name)) ++report_.ignored;
    return;
  }
  auto& kept = values_[static_cast<std::size_t>(row - kMeasures.begin())];
  kept.reset();
  if (!is_usable) {
    ++report_.ignored;
  } else if (row->kind != Kind::kQuantity && *value > kMaxFraction) {
    ++report_.ignored;
    report_.look_like_percent.push_back(as_told(name, *value));
  } else if (row->kind != Kind::kFractionAboveZero || *value > 0) {
    kept = *value + 0.0;  // -0 becomes 0
  }
}

LoadReport Judge::report() {
  for (std::size_t row = 0; row < kMeasures.size(); ++row) {
    const auto member = kMeasures[row].member;
    if (values_[row] && member != nullptr) report_.*member = values_[row];
  }
  return std::move(report_);
}

// The whole of `text` as a decimal number, whatever the locale. from_chars knows "inf" and "nan" too; Judge does not.
std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> number_in(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

// False: `text` is no JSON object. The library neither parses nor frees by recursion: depth costs it memory alone, of
// which the caller's bound on `text` is the bound.
bool take_json(std::string_view text, Judge& judge) {
  const Json document = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return false;
  for (const auto& [name, value] : document.items()) {
    if (value.is_object() && judge.is_map(name)) {
      for (const auto& [key, inner] : value.items())
        judge.take(std::string(name).append(".").append(key), number_in(inner));
    } else {
      judge.take(name, number_in(value));
    }
  }
  return true;
}

void take_text(std::string_view text, Judge& judge) {
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto field = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (field.empty()) continue;
    const auto separator = field.find_first_of(":=");
    if (separator == std::string_view::npos) {
      judge.take(field, std::nullopt);
    } else {
      judge.take(trimmed(field.substr(0, separator)), number_in(trimmed(field.substr(separator + 1))));
    }
  }
}

// The word that says in which form the rest is; empty where a field comes first. No name of a field is letters alone
// and without its separator.
std::string_view form_of(std::string_view header) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(header, is_letter) - header.begin());
  return end == header.size() || is_blank(header[end]) ? header.substr(0, end) : std::string_view();
}

std::unexpected<Error> refuse(std::string detail) {
  return fail(Code::kBadGateway, Side::kBackend, "endpoint-load-metrics " + std::move(detail));
}

}  // namespace

Result<LoadReport> parse_json_report(std::string_view body) {
  if (body.size() > kMaxBody)
    return fail(Code::kBadRequest, Side::kClient,
                "the load report is longer than " + std::to_string(kMaxBody) + " bytes");
  Judge judge(kDrover);
  if (!take_json(body, judge)) return fail(Code::kBadRequest, Side::kClient, "the load report is no JSON object");
  return judge.report();
}

Result<LoadReport> parse_orca(std::string_view header) {
  if (header.size() > kMaxHeader) return refuse("is longer than " + std::to_string(kMaxHeader) + " bytes");
  header = trimmed(header);
  const auto form = form_of(header);
  const auto rest = trimmed(header.substr(form.size()));
  Judge judge(kOrca);
  if (form.empty() || form == "TEXT") {
    take_text(rest, judge);
  } else if (form == "JSON") {
    if (!take_json(rest, judge)) return refuse("has the form JSON, and no JSON object behind it");
  } else {
    return refuse("has the form \"" + std::string(form.substr(0, 16)) + "\", expected TEXT or JSON");
  }
  if (judge.fields() > kMaxHeaderFields) return refuse("has over " + std::to_string(kMaxHeaderFields) + " fields");
  return judge.report();
}

}  // namespace drover::balancer
