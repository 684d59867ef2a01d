// One scalar at a time: expanded, checked to be one line of text, parsed, held against its range.
#include "config/reader.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "config/expand.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr double kLeastPace = 0.01;  // one session in 100 s
constexpr double kMostPace = 1'000'000;

}  // namespace

std::string Field::child_path(std::string_view key) const {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

Field Field::operator[](std::string_view key) const {
  Field child{nullptr, child_path(key)};
  if (!is(NodeKind::kMap)) return child;
  const auto named = [&](const Entry& entry) { return entry.key->kind == NodeKind::kScalar && entry.key->text == key; };
  const auto found = std::ranges::find_if(node->entries, named);
  if (found != node->entries.end()) child.node = found->value.get();
  return child;
}

Field Field::item(std::size_t index) const {
  return {node->items[index].get(), path + "[" + std::to_string(index) + "]"};
}

void Reader::error(Position position, std::string message) {
  if (errors_++ == kMostErrors) throw TooManyErrors();
  diagnostics_.add({Severity::kError, file_, position.line, position.column, std::move(message)});
}

void Reader::warn(Position position, std::string message) {
  diagnostics_.add({Severity::kWarning, file_, position.line, position.column, std::move(message)});
}

std::optional<Reader::Scalar> Reader::scalar(const Field& field, Repeat repeat) {
  if (!field.is(NodeKind::kScalar)) return std::nullopt;
  auto expanded = expand(field.node->text, environment_);
  if (!expanded) {
    error(field.position(), "'" + field.path + "': " + expanded.error().detail);
    return std::nullopt;
  }
  if (find_non_text(expanded->text) || expanded->text.find_first_of("\t\r\n") != std::string::npos) {
    const std::string got = repeat == Repeat::kNever ? "" : ", got " + in_quotes(expanded->text);
    error(field.position(), "'" + field.path + "' must be one line of text" + got);
    return std::nullopt;
  }
  // In a flow map "${NAME}" has to be quoted; what comes from the environment is therefore of any type.
  return Scalar{std::move(expanded->text), field.node->quoted && !expanded->from_environment};
}

std::optional<std::string> Reader::text(const Field& field) {
  auto found = scalar(field, Repeat::kInMessages);
  if (!found) return std::nullopt;
  return std::move(found->text);
}

std::optional<std::string> Reader::secret(const Field& field) {
  auto found = scalar(field, Repeat::kNever);
  if (!found) return std::nullopt;
  return std::move(found->text);
}

std::optional<std::string> Reader::unquoted(const Field& field, std::string_view expected) {
  auto found = scalar(field, Repeat::kInMessages);
  if (!found) return std::nullopt;
  if (found->quoted) {
    error(field.position(), "'" + field.path + "' must be " + std::string(expected) + ", got the string " +
                                in_quotes(found->text) + " (leave out the quotes)");
    return std::nullopt;
  }
  return std::move(found->text);
}

void Reader::flag(const Field& field, bool& out) {
  const auto found = unquoted(field, "true or false");
  if (!found) return;
  if (const auto value = parsed(field, *found, parse_flag)) out = *value;
}

void Reader::report_range(const Field& field, const std::string& text, const std::string& least,
                          const std::string& most) {
  error(field.position(),
        "'" + field.path + "' must be between " + least + " and " + most + ", got " + in_quotes(text));
}

std::optional<std::uint64_t> Reader::number_between(const Field& field, std::uint64_t least, std::uint64_t most) {
  const auto found = unquoted(field, "a number");
  if (!found) return std::nullopt;
  const auto value = parsed(field, *found, parse_number);
  if (!value) return std::nullopt;
  if (*value >= least && *value <= most) return value;
  report_range(field, *found, std::to_string(least), std::to_string(most));
  return std::nullopt;
}

void Reader::duration(const Field& field, milliseconds least, milliseconds& out) {
  const auto found = text(field);
  if (!found) return;
  const auto value = parsed(field, *found, parse_duration);
  if (!value) return;
  if (*value >= least) {
    out = *value;
  } else {
    report_range(field, *found, format_duration(least), format_duration(kLongestDuration));
  }
}

void Reader::decimal(const Field& field, double least, double most, double& out) {
  const auto found = unquoted(field, "a number");
  if (!found) return;
  const auto value = parsed(field, *found, parse_decimal);
  if (!value) return;
  if (*value >= least && *value <= most) {
    out = *value;
  } else {
    report_range(field, *found, format_decimal(least), format_decimal(most));
  }
}

void Reader::share(const Field& field, double& out) {
  const auto found = text(field);
  if (!found) return;
  if (const auto value = parsed(field, *found, parse_share)) out = *value;
}

std::optional<double> Reader::pace_in(const Field& field, const std::string& text, std::string_view also) {
  const auto value = parsed(field, text, parse_rate);
  if (!value || (*value >= kLeastPace && *value <= kMostPace)) return value;
  error(field.position(), "'" + field.path + "' must be " + std::string(also) + "between " + format_rate(kLeastPace) +
                              " and " + format_rate(kMostPace) + ", got " + in_quotes(text));
  return std::nullopt;
}

void Reader::pace(const Field& field, double& out) {
  const auto found = text(field);
  if (!found) return;
  if (const auto value = pace_in(field, *found, "")) out = *value;
}

void Reader::pace(const Field& field, std::optional<double>& out) {
  const auto found = text(field);
  if (!found) return;
  if (*found == "auto") {
    out.reset();
  } else if (const auto value = pace_in(field, *found, "'auto' or ")) {
    out = value;
  }
}

void Reader::size(const Field& field, std::uint64_t least, std::uint64_t most, std::uint64_t& out) {
  const auto found = text(field);
  if (!found) return;
  const auto value = parsed(field, *found, parse_size);
  if (!value) return;
  if (*value >= least && *value <= most) {
    out = *value;
  } else {
    report_range(field, *found, format_size(least), format_size(most));
  }
}

std::optional<Endpoint> Reader::endpoint(const Field& field) {
  const auto found = text(field);
  if (!found) return std::nullopt;
  return parsed(field, *found, parse_endpoint);
}

std::optional<std::string> Reader::absolute_path(const Field& field, const std::string& text) {
  const auto resolve = [this](const std::string& named) -> Result<std::string> {
    std::string path;
    if (named.size() <= kLongestPath)
      path = (std::filesystem::absolute(file_).parent_path() / named).lexically_normal().string();
    if (path.empty() || path.size() > kLongestPath)
      return invalid("expected a path of at most " + std::to_string(kLongestPath) +
                     " bytes, with the folder where it starts, got " + in_quotes(named));
    // That of a folder, whether it was written with "/", "/." or "..".
    if (path.ends_with('/')) return invalid("expected the path of a file, got " + in_quotes(named));
    return path;
  };
  return parsed(field, text, resolve);
}

void Reader::refuse_choice(const Field& field, const std::string& word, std::span<const std::string_view> words,
                           std::span<const std::string_view> later) {
  std::string expected;
  for (const std::string_view each : words) expected += (expected.empty() ? "" : ", ") + in_quotes(each);
  if (std::ranges::find(later, word) != later.end()) {
    error(field.position(), "'" + field.path + "': value " + in_quotes(word) +
                                " is not implemented in this version; use one of " + expected);
  } else {
    error(field.position(),
          "'" + field.path + "' must be one of " + expected + ", got " + in_quotes(word) + did_you_mean(word, words));
  }
}

}  // namespace drover::config
