// Text as it comes from files and people: what counts as text, how it is quoted in a message, and which known
// word an unknown one was probably meant to be.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace drover::config {

// The offset of the first byte that is a control character or not UTF-8 (RFC 3629: overlong forms, surrogates and
// values above U+10FFFF are not). Tabs and line ends (LF, CR LF) are text.
std::optional<std::size_t> find_non_text(std::string_view text);

// In single quotes for a message: one line, at most some 120 bytes, whatever the text holds.
std::string in_quotes(std::string_view text);

// The candidate with the smallest edit distance, if it is near enough to be a slip of the fingers; else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean 'listen'?", or nothing where no candidate is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace drover::config
