// Feeds a parser with a text in one piece, cut in two at every place, and byte by byte, and insists that the outcome
// is the same.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "http/head_parser.h"

namespace drover::http::test {

struct Outcome {
  std::string verdict;  // "complete", "more", or the error's code and detail
  std::optional<Error> error;
  std::size_t consumed = 0;  // where it ended; meaningless after an error
  std::string head;          // what was read, one line each

  bool operator==(const Outcome& other) const {
    return verdict == other.verdict && head == other.head && (error || consumed == other.consumed);
  }
};

inline std::string lines_of(const HeaderList& list) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i)
    text.append(list.at(i).name).append("=").append(list.at(i).value).append("\n");
  return text;
}
inline std::string described(const RequestHead& head) {
  return std::string(head.method()) + " " + std::string(head.target()) + " " + std::to_string(head.minor_version()) +
         "\n" + lines_of(head);
}
inline std::string described(const ResponseHead& head) {
  return std::to_string(head.status()) + " " + std::string(head.reason()) + "\n" + lines_of(head);
}

// Pieces of `first` bytes, then of `step` bytes.
template <class Parser>
Outcome feed_in_pieces(Parser& parser, std::string_view text, std::size_t first, std::size_t step) {
  Outcome outcome;
  outcome.verdict = "more";
  std::size_t size = first;
  while (true) {
    const auto piece = text.substr(outcome.consumed, size);
    const auto fed = parser.feed(as_bytes(piece));
    if (!fed) {
      outcome.error = fed.error();
      outcome.verdict = std::to_string(static_cast<int>(fed.error().code)) + " " + fed.error().detail;
      return outcome;
    }
    outcome.consumed += fed->consumed;
    if (fed->complete) {
      outcome.verdict = "complete";
      outcome.head = described(parser.head());
      return outcome;
    }
    REQUIRE(fed->consumed == piece.size());
    if (outcome.consumed == text.size()) return outcome;
    size = step;
  }
}

template <class Parser>
Outcome outcome_of(std::string_view text, const HeadLimits& limits = {}) {
  Parser at_once(limits);
  const auto expected = feed_in_pieces(at_once, text, text.size(), text.size());
  const auto stride = std::max<std::size_t>(1, text.size() / 512);
  for (std::size_t cut = 1; cut < text.size(); cut += stride) {
    Parser parser(limits);
    const auto outcome = feed_in_pieces(parser, text, cut, text.size());
    CHECK_MESSAGE(outcome == expected, "cut at " << cut << ": " << outcome.verdict << " / " << expected.verdict);
  }
  Parser parser(limits);
  const auto outcome = feed_in_pieces(parser, text, 1, 1);
  CHECK_MESSAGE(outcome == expected, "byte by byte: " << outcome.verdict << " / " << expected.verdict);
  return expected;
}

// A head that must be accepted, in one piece.
template <class Parser>
void read(Parser& parser, std::string_view text) {
  const auto fed = parser.feed(as_bytes(text));
  REQUIRE_MESSAGE(fed, fed.error().detail);
  REQUIRE(fed->complete);
}

}  // namespace drover::http::test
