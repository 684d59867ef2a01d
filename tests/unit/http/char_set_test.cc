// Membership, byte by byte.
#include "http/char_set.h"

#include <doctest/doctest.h>

namespace drover::http {
namespace {

TEST_CASE("a set has letters, digits and what it was given") {
  constexpr CharSet kSet("-_");
  constexpr std::string_view kMembers = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-";
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    CHECK(kSet.contains(static_cast<char>(byte)) == kMembers.contains(static_cast<char>(byte)));
  }
}

TEST_CASE("a text is looked at up to its first character that is no member") {
  constexpr CharSet kSet("-");
  CHECK(kSet.length_in("a-b c") == 3);
  CHECK(kSet.length_in(" a") == 0);
  CHECK(kSet.length_in("a\xffz") == 1);
  CHECK(kSet.length_in("") == 0);
  CHECK(kSet.contains_all("a-b"));
  CHECK(kSet.contains_all(""));
  CHECK_FALSE(kSet.contains_all("a-b "));
}

}  // namespace
}  // namespace drover::http
