// One table of the words, for both directions.
#include "config/hash_key.h"

#include <algorithm>
#include <array>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

using Source = HashKey::Source;

constexpr unsigned kLastSegment = 64;
constexpr std::array<std::string_view, 5> kWords = {"client_ip", "header", "cookie", "query", "path"};  // by Source

bool is_visible(char c) {
  return c > ' ' && c <= '~';
}

// RFC 9110 section 5.6.2; the names of cookies are tokens too (RFC 6265 section 4.1.1).
bool is_token(std::string_view text) {
  constexpr std::string_view kDelimiters = "\"(),/:;<=>?@[\\]{}";
  return !text.empty() && std::ranges::all_of(text, [&](char c) { return is_visible(c) && !kDelimiters.contains(c); });
}

bool is_query_name(std::string_view text) {
  constexpr std::string_view kDelimiters = "&=#";
  return !text.empty() && std::ranges::all_of(text, [&](char c) { return is_visible(c) && !kDelimiters.contains(c); });
}

std::unexpected<Error> refuse_word(std::string_view text, std::string_view word) {
  return invalid("expected 'client_ip', 'header:NAME', 'cookie:NAME', 'query:NAME' or 'path:N', got " +
                 in_quotes(text) + did_you_mean(word, kWords));
}

Result<HashKey> parse_segment(std::string_view text, std::string_view argument) {
  const auto segment = parse_number(argument);
  if (!segment || *segment < 1 || *segment > kLastSegment)
    return invalid("expected 'path:N' with a segment from 1 to " + std::to_string(kLastSegment) + ", got " +
                   in_quotes(text));
  return HashKey{Source::kPath, "", static_cast<unsigned>(*segment)};
}

}  // namespace

Result<HashKey> parse_hash_key(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view word = text.substr(0, colon);
  const std::string_view argument = text.substr(std::min(colon + 1, text.size()));
  const auto* const found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return refuse_word(text, word);
  const auto source = static_cast<Source>(found - kWords.begin());
  switch (source) {
    case Source::kClientIp:
      if (colon < text.size()) return refuse_word(text, word);
      return HashKey{};
    case Source::kPath: return parse_segment(text, argument);
    case Source::kHeader:
    case Source::kCookie:
      if (!is_token(argument))
        return invalid("expected '" + std::string(word) + ":NAME' with the name of a " + std::string(word) + ", got " +
                       in_quotes(text));
      break;
    case Source::kQuery:
      if (!is_query_name(argument))
        return invalid("expected 'query:NAME' with the name of a parameter, percent-encoded, got " + in_quotes(text));
      break;
  }
  return HashKey{source, std::string(argument), 0};
}

std::string format_hash_key(const HashKey& key) {
  std::string word(kWords[static_cast<std::size_t>(key.source)]);
  if (key.source == Source::kClientIp) return word;
  return word + ":" + (key.source == Source::kPath ? std::to_string(key.segment) : key.name);
}

}  // namespace drover::config
