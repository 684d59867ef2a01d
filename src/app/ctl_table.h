// Text in columns, and what the terminal that it is for can do. Pure but for standard_screen().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drover::app {

// What is printed on.
struct Screen {
  enum class Colours : std::uint8_t { kOff, kOn };
  Colours colours = Colours::kOff;
  std::size_t width = 0;  // columns that a line may take; 0: any number
};

// Standard output: colours where it is a terminal and NO_COLOR is not set (no-color.org), and the terminal's width.
Screen standard_screen();

enum class Tone : std::uint8_t { kPlain, kGood, kWarning, kBad, kTitle };

// `text` in the colour of its tone, where there are colours.
std::string toned(std::string_view text, Tone tone, const Screen& screen);

struct Cell {
  std::string text;  // printable
  Tone tone = Tone::kPlain;
};

class Table {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // A cell for each column.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  std::size_t size() const { return rows_.size(); }
  // The titles and a line a row. Lines that are too long for the screen end in '…'.
  std::string text(const Screen& screen) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace drover::app
