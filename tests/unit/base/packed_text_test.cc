// Texts come back as they went in.
#include "base/packed_text.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace drover {

TEST_CASE("texts are found by their index") {
  const PackedText texts{"first", "", std::string_view("a\0b", 3), "last"};
  CHECK(texts[0] == "first");
  CHECK(texts[1].empty());
  CHECK(texts[2] == std::string_view("a\0b", 3));
  CHECK(texts[3] == "last");
  CHECK(texts[4].empty());
  CHECK(texts[1000].empty());
}

TEST_CASE("there may be none") {
  CHECK(PackedText()[0].empty());
  CHECK(PackedText{}[1].empty());
}

TEST_CASE("a text is cut at 65,535 bytes and its neighbour is untouched") {
  const std::string longest(65'535, 'x');
  const PackedText texts{longest, longest + "cut", "next"};
  CHECK(texts[0] == longest);
  CHECK(texts[1] == longest);
  CHECK(texts[2] == "next");
}

TEST_CASE("moving takes the texts along and leaves none") {
  PackedText from{"a", "b"};
  PackedText to(std::move(from));
  CHECK(to[1] == "b");
  CHECK(from[1].empty());
  from = std::move(to);
  CHECK(from[0] == "a");
  CHECK(to[0].empty());
}

}  // namespace drover
