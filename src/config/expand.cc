// One pass from left to right; what a variable holds is not expanded again.
#include "config/expand.h"

#include <algorithm>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || digit(c); });
}

// `inside` is what stands between the braces.
Result<std::string> replacement(std::string_view inside, const Environment& environment) {
  const std::size_t separator = inside.find(":-");
  const std::string_view name = inside.substr(0, separator);
  // Not quoted: it may be part of a secret that has a "$" in it.
  if (!is_name(name)) return invalid("'${…}' without the name of a variable; '$$' stands for a plain '$'");
  std::optional<std::string> value = environment(name);
  if (separator != std::string_view::npos) {
    if (!value || value->empty()) return std::string(inside.substr(separator + 2));
    return *std::move(value);
  }
  if (!value) return invalid("variable " + in_quotes(name) + " is not set and has no default");
  return *std::move(value);
}

}  // namespace

Result<Expanded> expand(std::string_view text, const Environment& environment) {
  Expanded result;
  while (!text.empty()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    result.text += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.starts_with("${")) {
      const std::size_t end = text.find('}');
      if (end == std::string_view::npos) return invalid("'${' without '}'; '$$' stands for a plain '$'");
      auto value = replacement(text.substr(2, end - 2), environment);
      if (!value) return std::unexpected(value.error());
      result.text += *value;
      result.from_environment = true;
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      result.text += '$';
      text.remove_prefix(text.starts_with("$$") ? 2 : 1);
    }
  }
  return result;
}

}  // namespace drover::config
