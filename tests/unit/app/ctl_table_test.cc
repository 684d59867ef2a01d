// Columns, colours, and the edge of the screen.
#include "app/ctl_table.h"

#include <doctest/doctest.h>

using namespace drover::app;

namespace {

Table sample() {
  Table table({{"NAME"}, {"N", Table::Align::kRight}, {"PATH"}});
  table.add({{"é"}, {"1000"}, {"/"}});
  table.add({{"long name"}, {"7", Tone::kBad}, {""}});
  return table;
}

}  // namespace

TEST_CASE("ctl: columns are as wide as their widest cell, and nothing is padded at the end") {
  CHECK(sample().text({}) ==
        "NAME          N  PATH\n"
        "é          1000  /\n"
        "long name     7\n");
  CHECK(sample().size() == 2);
}

TEST_CASE("ctl: lines are cut at the width of a screen, and only there") {
  const Screen narrow{.colours = Screen::Colours::kOff, .width = 12};
  CHECK(sample().text(narrow) ==
        "NAME       …\n"
        "é          …\n"
        "long name  …\n");
  CHECK(sample().text({.colours = Screen::Colours::kOff, .width = 21}) == sample().text({}));
  CHECK(sample().text({.colours = Screen::Colours::kOff, .width = 20}).starts_with("NAME          N  PA…\n"));
}

TEST_CASE("ctl: colours take no room") {
  const Screen coloured{.colours = Screen::Colours::kOn, .width = 21};
  CHECK(sample().text(coloured) ==
        "\x1b[1mNAME\x1b[0m          \x1b[1mN\x1b[0m  \x1b[1mPATH\x1b[0m\n"
        "é          1000  /\n"
        "long name     \x1b[31m7\x1b[0m\n");
  CHECK(toned("up", Tone::kGood, coloured) == "\x1b[32mup\x1b[0m");
  CHECK(toned("up", Tone::kPlain, coloured) == "up");
  CHECK(toned("up", Tone::kGood, {}) == "up");
}
