// A segment at a time: decoding comes after cutting, so that "%2F" is a letter of a name and no border.
#include "admin/path_pattern.h"

#include <charconv>
#include <memory>

namespace drover::admin {

namespace {

// Takes the first segment off the front of `rest`, which is empty behind the last.
std::string_view next_segment(std::string_view& rest) {
  rest.remove_prefix(1);  // '/'
  const auto segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return segment;
}

}  // namespace

std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string_view> parameters;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const auto wanted = next_segment(pattern);
    const auto segment = next_segment(path);
    if (wanted.starts_with('{')) {
      parameters.push_back(segment);
    } else if (segment != wanted) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded.push_back(text[at]);
      continue;
    }
    const auto digits = text.substr(at + 1, 2);
    const auto* end = std::to_address(digits.end());
    std::uint8_t byte = 0;  // unsigned: no sign is taken for a digit
    const auto parsed = std::from_chars(std::to_address(digits.begin()), end, byte, 16);
    if (digits.size() != 2 || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    decoded.push_back(static_cast<char>(byte));
    at += 2;
  }
  return decoded;
}

}  // namespace drover::admin
