// Ids name their sessions and nothing else, and do not look like numbers in a row.
#include "proxy/session_id.h"

#include <doctest/doctest.h>

#include <bit>
#include <charconv>
#include <set>
#include <string>

namespace drover::proxy {

namespace {

std::uint64_t value_of(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

TEST_CASE("an id leads back to its worker and number") {
  for (const unsigned worker : {0U, 1U, 63U, 65'535U}) {
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 48) - 1}) {
      const std::string text = to_text({worker, number});
      CHECK(text.size() == 16);
      CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
      CHECK(session_id_from(text) == SessionId{worker, number});
    }
  }
}

TEST_CASE("no two sessions share an id, and neighbours look unlike") {
  std::set<std::string> ids;
  std::string last = to_text({0, 0});
  double bits = 0;
  for (std::uint64_t number = 1; number <= 10'000; ++number) {
    const std::string id = to_text({0, number});
    ids.insert(id);
    bits += std::popcount(value_of(id) ^ value_of(last));
    last = id;
  }
  CHECK(ids.size() == 10'000);
  const double differing = bits / 10'000;  // of 64
  CHECK(differing > 24);
  CHECK(differing < 40);
}

TEST_CASE("what is no id is none") {
  for (const char* text : {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "-123456789abcdef",
                           "0x23456789abcdef", " 123456789abcdef"}) {
    CAPTURE(text);
    CHECK_FALSE(session_id_from(text));
  }
}

}  // namespace drover::proxy
