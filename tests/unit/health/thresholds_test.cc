// Rise and fall over runs of looks: '+' is a good one, '-' a bad one; the states after each of them in one word.
#include "health/thresholds.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace drover::health {

namespace {

using balancer::ProbeState;

// u, d, c: up, down, checking.
std::string states(Thresholds thresholds, std::string_view looks, unsigned rise, unsigned fall) {
  std::string after;
  for (const char look : looks) {
    thresholds.note(look == '+' ? Verdict::kGood : Verdict::kBad, rise, fall);
    const auto state = thresholds.state();
    after += state == ProbeState::kUp ? 'u' : state == ProbeState::kDown ? 'd' : 'c';
  }
  return after;
}

}  // namespace

TEST_CASE("the first look decides, whatever rise and fall say") {
  CHECK(states(Thresholds(ProbeState::kChecking), "+", 5, 5) == "u");
  CHECK(states(Thresholds(ProbeState::kChecking), "-", 5, 5) == "d");
}

TEST_CASE("the first good look makes it up, however many bad ones came before; the next time it takes rise") {
  CHECK(states(Thresholds(ProbeState::kChecking), "---+", 3, 2) == "dddu");
  CHECK(states(Thresholds(ProbeState::kChecking), "--+--+++", 3, 2) ==
        "ddu"
        "uddd"
        "u");
}

TEST_CASE("fall bad looks in a row take it out, rise good ones bring it back") {
  CHECK(states(Thresholds(ProbeState::kUp),
               "--"
               "-"
               "+"
               "+",
               2, 3) == "uuddu");
  CHECK(states(Thresholds(ProbeState::kUp), "-+-+--+", 2, 3) == "uuuuuuu");  // never three in a row
  CHECK(states(Thresholds(ProbeState::kUp), "---+-+-++", 2, 3) ==
        "uudddddd"
        "u");  // never two in a row, but the last
}

TEST_CASE("one is enough where rise and fall are 1") {
  CHECK(states(Thresholds(ProbeState::kUp), "-+-+", 1, 1) == "dudu");
}

}  // namespace drover::health
