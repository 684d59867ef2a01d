// UTF-8 by the table of RFC 3629 section 4, quoting for messages, and edit distance with transpositions.
#include "config/text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace drover::config {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kLongestQuote = 120;
constexpr std::size_t kLongestWord = 64;  // what is longer is no typing error, and would only cost time

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return index < text.size() ? static_cast<std::uint8_t>(text[index]) : std::uint8_t{0};
}

bool within(std::uint8_t byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

// The length of the character at `index`; 0 if it is a control character or malformed.
std::size_t character_length(std::string_view text, std::size_t index) {
  const std::uint8_t first = byte_at(text, index);
  const std::uint8_t second = byte_at(text, index + 1);
  const auto tail = [&](std::size_t offset) { return within(byte_at(text, index + offset), 0x80, 0xBF); };
  if (first < 0x80) {
    const bool line_end = first == '\n' || (first == '\r' && second == '\n');
    return first == '\t' || line_end || within(first, 0x20, 0x7E) ? 1 : 0;
  }
  if (first == 0xC2) return within(second, 0xA0, 0xBF) ? 2 : 0;  // U+0080…U+009F are control characters
  if (within(first, 0xC3, 0xDF)) return tail(1) ? 2 : 0;
  if (within(first, 0xE0, 0xEF)) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;   // no overlong form
    const unsigned high = first == 0xED ? 0x9F : 0xBF;  // no surrogate
    return within(second, low, high) && tail(2) ? 3 : 0;
  }
  if (within(first, 0xF0, 0xF4)) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;  // not above U+10FFFF
    return within(second, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_previous(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_previous[j - 2] + 1);
    }
    before_previous.swap(previous);
    previous.swap(row);
  }
  return previous[b.size()];
}

}  // namespace

std::optional<std::size_t> find_non_text(std::string_view text) {
  for (std::size_t index = 0; index < text.size();) {
    const std::size_t length = character_length(text, index);
    if (length == 0) return index;
    index += length;
  }
  return std::nullopt;
}

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (std::size_t index = 0; index < text.size();) {
    const std::size_t length = character_length(text, index);
    if (result.size() + length > kLongestQuote) return result + "…'";
    const bool plain = length > 0 && byte_at(text, index) >= 0x20;
    if (plain) {
      result += text.substr(index, length);
    } else {
      const std::uint8_t byte = byte_at(text, index);
      result += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
    index += std::max(length, std::size_t{1});
  }
  return result + "'";
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t best_distance = std::max(word.size() / 3, std::size_t{1}) + 1;  // beyond a third it is another word
  for (const std::string_view candidate : candidates) {
    const std::size_t length_difference =
        std::max(candidate.size(), word.size()) - std::min(candidate.size(), word.size());
    if (length_difference >= best_distance) continue;  // the distance cannot be smaller, nor is it cheap to find out
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view found = nearest(word, candidates);
  return found.empty() ? std::string() : "; did you mean " + in_quotes(found) + "?";
}

}  // namespace drover::config
