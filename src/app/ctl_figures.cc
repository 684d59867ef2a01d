// fmt has the digits; what counts as text, config/text.h knows.
#include "app/ctl_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "config/text.h"

namespace drover::app {

namespace {

constexpr std::uint64_t kMostExact = 99'999;

// "1.2" below 10, "12" above; the unit grows where rounding would make 1000 of it.
template <std::size_t Units>
std::string scaled(double value, const std::array<const char*, Units>& units) {
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < Units) {
    value /= 1000;
    ++unit;
  }
  return value < 9.95 && unit > 0 ? fmt::format("{:.1f}{}", value, units[unit])
                                  : fmt::format("{:.0f}{}", value, units[unit]);
}

// U+200B…U+200F, U+2028…U+202E, U+2060…U+206F: no width, other direction, line ends. `text` begins with a character.
bool turns_or_hides(std::string_view text) {
  if (text.size() < 3 || text[0] != '\xE2') return false;
  const auto third = static_cast<unsigned char>(text[2]);
  if (text[1] == '\x80') return (third >= 0x8B && third <= 0x8F) || (third >= 0xA8 && third <= 0xAE);
  return text[1] == '\x81' && third >= 0xA0 && third <= 0xAF;
}

void append_escaped(std::string& out, std::string_view bytes) {
  for (const char byte : bytes) out.append(fmt::format("\\x{:02x}", static_cast<unsigned char>(byte)));
}

// `text` is text to find_non_text().
void append_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = turns_or_hides(text) ? 3 : 1;
    const auto part = text.substr(0, length);
    const bool line_layout = part == "\t" || part == "\n" || part == "\r";
    length == 3 || line_layout ? append_escaped(out, part) : static_cast<void>(out.append(part));
    text.remove_prefix(length);
  }
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {" B", " kB", " MB", " GB", " TB", " PB"};
  return scaled(static_cast<double>(bytes), kUnits);
}

std::string count_text(std::uint64_t count) {
  if (count <= kMostExact) return std::to_string(count);
  constexpr std::array<const char*, 5> kUnits = {"", "k", "M", "G", "T"};
  return scaled(static_cast<double>(count), kUnits);
}

std::string age_text(Milliseconds age) {
  const auto total = std::max<Milliseconds::rep>(age.count(), 0);
  if (total > 0 && total < 1000) return fmt::format("{}ms", total);
  const auto seconds = total / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{}h", seconds / 86'400, seconds / 3600 % 24);
}

std::string percent_text(double share) {
  const double percent = share * 100;
  return percent < 9.95 ? fmt::format("{:.1f} %", percent) : fmt::format("{:.0f} %", percent);
}

std::string number_text(double number) {
  std::string text = fmt::format("{:.2f}", number);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto good = std::min(config::find_non_text(text).value_or(text.size()), text.size());
    append_text(out, text.substr(0, good));
    text.remove_prefix(good);
    append_escaped(out, text.substr(0, 1));
    text.remove_prefix(std::min<std::size_t>(text.size(), 1));
  }
  return out;
}

std::size_t width_of(std::string_view text) {
  // Not the bytes 10xxxxxx that go on a character of UTF-8.
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace drover::app
