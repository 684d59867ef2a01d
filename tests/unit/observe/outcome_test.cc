// The words of labels: every value has one of its own, and every number comes to one of the list.
#include "observe/outcome.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

namespace drover::observe {

namespace {

std::string close_word(unsigned code) {
  return std::string(close_code_name(close_code_place(static_cast<std::uint16_t>(code))));
}

std::string status_word(unsigned status) {
  return std::string(status_name(status_place(status)));
}

// All values of an enum have a word, and no two the same.
template <class Enum>
void check_words(std::size_t count) {
  std::set<std::string_view> words;
  for (std::size_t value = 0; value < count; ++value) words.insert(name_of(static_cast<Enum>(value)));
  CHECK(words.size() == count);
  CHECK(!words.contains("unknown"));
  CHECK(name_of(static_cast<Enum>(count)) == "unknown");  // so `count` is of all
}

}  // namespace

TEST_CASE("outcome: initiators, reasons and sources have a word each") {
  check_words<Initiator>(kInitiators);
  check_words<Why>(kWhys);
  check_words<Source>(kSources);
}

TEST_CASE("outcome: registered Close codes stand for themselves") {
  for (const unsigned code :
       {1000U, 1001U, 1002U, 1003U, 1005U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U, 1013U, 1014U}) {
    CHECK(close_word(code) == std::to_string(code));
  }
}

TEST_CASE("outcome: other Close codes share a word, and those that nobody may send are none") {
  CHECK(close_word(3000) == "3xxx");
  CHECK(close_word(3999) == "3xxx");
  CHECK(close_word(4000) == "4xxx");
  CHECK(close_word(4999) == "4xxx");
  for (const unsigned code : {0U, 1U, 999U, 1004U, 1006U, 1015U, 2999U, 5000U, 65535U})
    CHECK(close_word(code) == "none");
}

TEST_CASE("outcome: statuses that are common on an upgrade stand for themselves") {
  for (const unsigned status : {101U, 200U, 301U, 400U, 403U, 404U, 408U, 426U, 429U, 431U, 500U, 502U, 503U, 504U}) {
    CHECK(status_word(status) == std::to_string(status));
  }
}

TEST_CASE("outcome: other statuses share a word by their hundreds") {
  CHECK(status_word(100) == "1xx");
  CHECK(status_word(299) == "2xx");
  CHECK(status_word(399) == "3xx");
  CHECK(status_word(418) == "4xx");
  CHECK(status_word(599) == "5xx");
  CHECK(status_word(0) == "1xx");
  CHECK(status_word(999) == "5xx");
}

TEST_CASE("outcome: every place has a word of its own") {
  std::set<std::string_view> codes;
  for (std::size_t place = 0; place < kCloseCodes; ++place) codes.insert(close_code_name(place));
  CHECK(codes.size() == kCloseCodes);
  std::set<std::string_view> statuses;
  for (std::size_t place = 0; place < kStatuses; ++place) statuses.insert(status_name(place));
  CHECK(statuses.size() == kStatuses);
  CHECK(!codes.contains(""));
  CHECK(!statuses.contains(""));
}

}  // namespace drover::observe
