// What is text, how it is quoted, and what a mistyped word is taken for.
#include "config/text.h"

#include <doctest/doctest.h>

#include <array>

using namespace std::string_view_literals;

namespace drover::config {

TEST_CASE("text is UTF-8 without control characters") {
  for (const auto good :
       {""sv, "plain\tand\nlines\r\n"sv, "grün €"sv, "\xF0\x9F\x90\x8E"sv, "\xEF\xBB\xBF"sv, "\xC2\xA0"sv})
    CHECK_FALSE(find_non_text(good).has_value());
  for (const auto bad : {"\0"sv, "\x04"sv, "\x1B[31m"sv, "\x7F"sv, "\r"sv, "\xC2\x85"sv, "\x80"sv, "\xC3"sv,
                         "\xC0\x80"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv, "\xE2\x82"sv, "\xF0\x80\x80\x80"sv,
                         "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFF\xFE"sv})
    CHECK(find_non_text(bad) == 0u);
  CHECK(find_non_text("ab\0cd"sv) == 2u);
  CHECK(find_non_text("€\xFF"sv) == 3u);
}

TEST_CASE("quoted text is one short printable line") {
  CHECK(in_quotes("listen") == "'listen'");
  CHECK(in_quotes("a\nb\x1B\xFF"sv) == "'a\\x0ab\\x1b\\xff'");
  const std::string clipped = in_quotes(std::string(1'000, 'x'));
  CHECK(clipped.size() < 130);
  CHECK(clipped.ends_with("…'"));
  CHECK_FALSE(find_non_text(in_quotes(std::string(118, 'x') + "€€€")).has_value());  // never cut inside a character
}

TEST_CASE("the nearest word is a slip of the fingers away, or none") {
  constexpr std::array words = {"listen"sv, "listeners"sv, "log"sv, "pools"sv};
  CHECK(nearest("lisen", words) == "listen");
  CHECK(nearest("lsiten", words) == "listen");
  CHECK(nearest("listener", words) == "listeners");
  CHECK(nearest("pool", words) == "pools");
  CHECK(nearest("backends", words).empty());
  CHECK(nearest("x", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest(std::string(100'000, 'l'), words).empty());
  CHECK(did_you_mean("lisen", words) == "; did you mean 'listen'?");
  CHECK(did_you_mean("nothing", words).empty());
}

}  // namespace drover::config
