// Two spaces between columns; nothing is padded behind the last one that has text.
#include "app/ctl_table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "app/ctl_figures.h"

namespace drover::app {

namespace {

constexpr std::string_view kGap = "  ";

// SGR codes of ECMA-48; empty: none.
std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain: return "";
    case Tone::kGood: return "\x1b[32m";
    case Tone::kWarning: return "\x1b[33m";
    case Tone::kBad: return "\x1b[31m";
    case Tone::kTitle: return "\x1b[1m";
  }
  return "";
}

// The first `characters` of UTF-8.
std::string_view front(std::string_view text, std::size_t characters) {
  std::size_t end = 0;
  while (end < text.size() && characters > 0) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
    --characters;
  }
  return text.substr(0, end);
}

// `pieces` one behind the other, cut where the screen ends.
std::string line_of(const std::vector<Cell>& pieces, const Screen& screen) {
  std::size_t needed = 0;
  for (const auto& piece : pieces) needed += width_of(piece.text);
  const bool fits = screen.width == 0 || needed <= screen.width;
  std::size_t room = fits ? needed : screen.width - 1;
  std::string line;
  for (const auto& piece : pieces) {
    const auto shown = front(piece.text, room);
    line.append(toned(shown, piece.tone, screen));
    room -= width_of(shown);
  }
  return line.append(fits ? "\n" : "…\n");
}

}  // namespace

Screen standard_screen() {
  if (::isatty(STDOUT_FILENO) == 0) return {};
  Screen screen;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color == nullptr || *no_color == '\0') screen.colours = Screen::Colours::kOn;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) screen.width = size.ws_col;
  return screen;
}

std::string toned(std::string_view text, Tone tone, const Screen& screen) {
  const auto code = code_of(tone);
  if (code.empty() || text.empty() || screen.colours == Screen::Colours::kOff) return std::string(text);
  return std::string(code).append(text).append("\x1b[0m");
}

std::string Table::text(const Screen& screen) const {
  std::vector<std::vector<Cell>> lines(1);
  for (const auto& column : columns_) lines.front().push_back({column.title, Tone::kTitle});
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& cells : lines) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width_of(cells[i].text));
  }

  std::string text;
  for (const auto& cells : lines) {
    std::vector<Cell> pieces;
    std::string gap;  // that a cell with text would need before it
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - width_of(cells[i].text), ' ');
      if (columns_[i].align == Align::kRight) gap.append(padding);
      if (!cells[i].text.empty()) {
        pieces.push_back({std::exchange(gap, {}), Tone::kPlain});
        pieces.push_back(cells[i]);
      }
      if (columns_[i].align == Align::kLeft) gap.append(padding);
      gap.append(kGap);
    }
    text.append(line_of(pieces, screen));
  }
  return text;
}

}  // namespace drover::app
