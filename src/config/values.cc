// Parsing and formatting of scalars; everything here is pure.
#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

#include "config/text.h"

namespace drover::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kDurationUnits = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000},
                                       Unit{"ms", 1}};
constexpr std::array kSizeUnits = {Unit{"TiB", 1ULL << 40U}, Unit{"GiB", 1ULL << 30U}, Unit{"MiB", 1ULL << 20U},
                                   Unit{"KiB", 1ULL << 10U}, Unit{"B", 1}};
constexpr std::string_view kASecond = "/s";
constexpr std::size_t kMostDigits = 9;  // on each side of a decimal number's point
constexpr std::uint64_t kLargestSize = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Cuts the leading characters that `belongs` off `text`.
template <class Predicate>
std::string_view take_while(std::string_view& text, Predicate belongs) {
  std::size_t length = 0;
  while (length < text.size() && belongs(text[length])) ++length;
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

}  // namespace

std::unexpected<Error> invalid(std::string detail) {
  return fail(Code::kConfiguration, Side::kDrover, std::move(detail));
}

Result<std::uint64_t> parse_number(std::string_view text) {
  std::string_view rest = text;
  const std::string_view digits = take_while(rest, is_digit);
  if (digits.empty() || !rest.empty()) return invalid("expected a whole decimal number, got " + in_quotes(text));
  if (digits.size() > 1 && digits.front() == '0')
    return invalid(in_quotes(text) + " has a leading zero; numbers are decimal");
  std::uint64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
    return invalid(in_quotes(text) + " is too large");
  return value;
}

// from_chars alone takes signs, exponents, "inf", and a point with nothing on one side.
Result<double> parse_decimal(std::string_view text) {
  std::string_view rest = text;
  const std::string_view whole = take_while(rest, is_digit);
  const bool has_point = rest.starts_with('.');
  if (has_point) rest.remove_prefix(1);
  const std::string_view fraction = take_while(rest, is_digit);
  if (whole.empty() || has_point == fraction.empty() || !rest.empty())
    return invalid("expected a decimal number such as '0.25', got " + in_quotes(text));
  if (whole.size() > 1 && whole.front() == '0')
    return invalid(in_quotes(text) + " has a leading zero; numbers are decimal");
  if (whole.size() > kMostDigits || fraction.size() > kMostDigits)
    return invalid(in_quotes(text) + " has more than " + std::to_string(kMostDigits) + " digits on one side");
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string format_decimal(double value) {
  std::array<char, 400> buffer{};  // a double in fixed notation has at most 309 + 17 characters
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
  return {buffer.data(), end};
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto most = static_cast<std::uint64_t>(kLongestDuration.count());
  const std::string expected = "expected a duration such as '500ms', '30s' or '1h30m', got " + in_quotes(text);
  if (text == "0") return std::chrono::milliseconds(0);
  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // each unit at most once, the larger first
  std::string_view rest = text;
  if (rest.empty()) return invalid(expected);
  while (!rest.empty()) {
    const auto number = parse_number(take_while(rest, is_digit));
    const std::string_view unit = take_while(rest, [](char c) { return !is_digit(c); });
    if (!number) return invalid(expected);
    if (unit.empty()) return invalid(in_quotes(text) + " has no unit: write for example '" + std::string(text) + "s'");
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].name != unit) ++next_unit;
    if (next_unit == kDurationUnits.size())
      return invalid(expected + " (units: d, h, m, s, ms; the larger first, none twice)");
    const std::uint64_t factor = kDurationUnits[next_unit++].factor;
    if (*number > (most - total) / factor) return invalid(in_quotes(text) + " is more than 365 days");
    total += *number * factor;
  }
  return std::chrono::milliseconds(total);
}

std::string format_duration(std::chrono::milliseconds duration) {
  auto left = static_cast<std::uint64_t>(duration.count());
  if (left == 0) return "0s";
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (left >= unit.factor) text.append(std::to_string(left / unit.factor)).append(unit.name);
    left %= unit.factor;
  }
  return text;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view unit_name = text;
  const auto number = parse_number(take_while(unit_name, is_digit));
  if (!number) return invalid("expected a size such as '64KiB', got " + in_quotes(text));
  if (unit_name.empty() && *number == 0) return 0;
  if (unit_name.empty())
    return invalid(in_quotes(text) + " has no unit: write for example '" + std::string(text) + "KiB'");
  for (const Unit& unit : kSizeUnits) {
    if (unit.name != unit_name) continue;
    if (*number > kLargestSize / unit.factor) return invalid(in_quotes(text) + " is too large");
    return *number * unit.factor;
  }
  return invalid("unknown unit " + in_quotes(unit_name) + " in " + in_quotes(text) + " (units: B, KiB, MiB, GiB, TiB)");
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const Unit& unit : kSizeUnits)
    if (bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.name);
  return std::to_string(bytes) + "B";
}

Result<double> parse_rate(std::string_view text) {
  const auto value = text.ends_with(kASecond) ? parse_decimal(text.substr(0, text.size() - kASecond.size()))
                                              : Result<double>(invalid(""));
  if (!value) return invalid("expected a rate such as '200/s', got " + in_quotes(text));
  return value;
}

std::string format_rate(double a_second) {
  return format_decimal(a_second) + "/s";
}

Result<double> parse_share(std::string_view text) {
  const auto value = text.ends_with('%') ? parse_decimal(text.substr(0, text.size() - 1)) : Result<double>(invalid(""));
  if (!value || *value > 100) return invalid("expected a share from '0%' to '100%', got " + in_quotes(text));
  return *value / 100;
}

// The percentage is not `share` times 100, which in binary can be a little beside what was written: it is the
// shortest one that gives the share back.
std::string format_share(double share) {
  std::string text;
  for (int digits = 0; digits <= static_cast<int>(kMostDigits); ++digits) {
    std::array<char, 400> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), share * 100, std::chars_format::fixed, digits).ptr;
    text.assign(buffer.data(), end);
    text += '%';
    if (parse_share(text) == share) break;
  }
  return text;
}

Result<std::string> parse_path(std::string_view text) {
  const bool visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
  if (!text.starts_with('/') || !visible || text.find_first_of("?#") != std::string_view::npos)
    return invalid("expected a path such as '/ws', percent-encoded and without query, got " + in_quotes(text));
  return std::string(text);
}

Result<bool> parse_flag(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return invalid("expected true or false, got " + in_quotes(text));
}

}  // namespace drover::config
