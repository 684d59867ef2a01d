// Every event in every state, against a table that is written down as DESIGN section 7 says it.
#include "migration/handoff_state.h"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <tuple>
#include <vector>

using namespace drover::migration;
using Old = HandoffState::Old;
using Next = HandoffState::Next;
using Event = HandoffEvent;
using Action = HandoffAction;

namespace {

constexpr std::array kOlds = {Old::kServing, Old::kLeaving, Old::kLeft, Old::kGone};
constexpr std::array kNexts = {Next::kDialling, Next::kOpen, Next::kNone};

struct Row {
  Old old;
  Next next;
  bool retried;
  Event event;
  Action action;
  Old old_after;
  Next next_after;
  bool retried_after;
};

// What does something; every other event in every other state changes nothing.
const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = [] {
    std::vector<Row> rows;
    const auto add = [&rows](Old old, Next next, Event event, Action action, Old old_after, Next next_after) {
      for (const bool retried : {false, true}) {
        rows.push_back({old, next, retried, event, action, old_after, next_after, retried});
      }
    };
    const auto add_failure = [&rows](Old old, Next next, Event event, Action at_last) {
      rows.push_back({old, next, false, event, Action::kDial, old, Next::kDialling, true});
      rows.push_back({old, next, true, event, at_last, old, Next::kNone, true});
    };
    using enum Event;
    // Dialling: nothing has happened to the session yet.
    add(Old::kServing, Next::kDialling, kOpened, Action::kHold, Old::kServing, Next::kOpen);
    add(Old::kServing, Next::kDialling, kRefused, Action::kStay, Old::kServing, Next::kNone);
    add(Old::kServing, Next::kDialling, kUnreachable, Action::kDial, Old::kServing, Next::kDialling);
    add(Old::kServing, Next::kDialling, kNobody, Action::kStay, Old::kServing, Next::kNone);
    add(Old::kServing, Next::kDialling, kEnded, Action::kNothing, Old::kGone, Next::kDialling);
    add(Old::kServing, Next::kDialling, kTimeout, Action::kStay, Old::kServing, Next::kNone);
    add(Old::kServing, Next::kDialling, kCalledOff, Action::kStay, Old::kServing, Next::kDialling);
    // Holding: the client has not come to the end of its message.
    add(Old::kServing, Next::kOpen, kRefused, Action::kStay, Old::kServing, Next::kNone);
    add(Old::kServing, Next::kOpen, kUnreachable, Action::kStay, Old::kServing, Next::kNone);
    add(Old::kServing, Next::kOpen, kHeld, Action::kLeave, Old::kLeaving, Next::kOpen);
    add(Old::kServing, Next::kOpen, kEnded, Action::kJoin, Old::kGone, Next::kOpen);
    add(Old::kServing, Next::kOpen, kTimeout, Action::kStay, Old::kServing, Next::kNone);
    add(Old::kServing, Next::kOpen, kCalledOff, Action::kStay, Old::kServing, Next::kOpen);
    // Leaving: there is no way back but through the old backend's `left`.
    add(Old::kLeaving, Next::kOpen, kLeft, Action::kJoin, Old::kLeft, Next::kOpen);
    add(Old::kLeaving, Next::kOpen, kEnded, Action::kJoin, Old::kGone, Next::kOpen);
    add(Old::kLeaving, Next::kOpen, kTimeout, Action::kJoin, Old::kGone, Next::kOpen);
    for (const Event failure : {kRefused, kUnreachable}) {
      for (const Next next : {Next::kDialling, Next::kOpen}) {
        add_failure(Old::kLeaving, next, failure, Action::kNothing);
        add_failure(Old::kLeft, next, failure, Action::kReturn);
        add_failure(Old::kGone, next, failure, Action::kBreak);
      }
    }
    add(Old::kLeaving, Next::kDialling, kOpened, Action::kNothing, Old::kLeaving, Next::kOpen);
    add(Old::kLeaving, Next::kDialling, kNobody, Action::kNothing, Old::kLeaving, Next::kNone);
    add(Old::kLeaving, Next::kDialling, kLeft, Action::kNothing, Old::kLeft, Next::kDialling);
    add(Old::kLeaving, Next::kDialling, kEnded, Action::kNothing, Old::kGone, Next::kDialling);
    add(Old::kLeaving, Next::kDialling, kTimeout, Action::kBreak, Old::kGone, Next::kNone);
    add(Old::kLeaving, Next::kNone, kLeft, Action::kReturn, Old::kLeft, Next::kNone);
    add(Old::kLeaving, Next::kNone, kEnded, Action::kBreak, Old::kGone, Next::kNone);
    add(Old::kLeaving, Next::kNone, kTimeout, Action::kBreak, Old::kGone, Next::kNone);
    // It has left, and waits.
    add(Old::kLeft, Next::kDialling, kOpened, Action::kJoin, Old::kLeft, Next::kOpen);
    add(Old::kLeft, Next::kDialling, kNobody, Action::kReturn, Old::kLeft, Next::kNone);
    add(Old::kLeft, Next::kDialling, kEnded, Action::kNothing, Old::kGone, Next::kDialling);
    add(Old::kLeft, Next::kDialling, kTimeout, Action::kReturn, Old::kLeft, Next::kNone);
    // It is gone: closed, lost, or given up.
    add(Old::kGone, Next::kDialling, kOpened, Action::kJoin, Old::kGone, Next::kOpen);
    add(Old::kGone, Next::kDialling, kNobody, Action::kBreak, Old::kGone, Next::kNone);
    add(Old::kGone, Next::kDialling, kTimeout, Action::kBreak, Old::kGone, Next::kNone);
    return rows;
  }();
  return kRows;
}

// States in which a handoff is over; nothing comes there.
bool over(Old old, Next next, bool) {
  if (old == Old::kServing) return next == Next::kNone;
  if (old == Old::kLeaving) return false;
  return next != Next::kDialling;
}

}  // namespace

TEST_CASE("every event in every state does what the table says") {
  int changes = 0;
  for (const Old old : kOlds) {
    for (const Next next : kNexts) {
      for (const bool retried : {false, true}) {
        for (std::size_t i = 0; i < kHandoffEvents; ++i) {
          const auto event = static_cast<Event>(i);
          const bool fails = event == Event::kRefused || event == Event::kUnreachable;
          if (over(old, next, retried) && !(fails && next == Next::kOpen)) continue;
          const HandoffState before{.old = old, .next = next, .retried = retried};
          const auto [after, action] = advance(before, event);
          CAPTURE(static_cast<int>(old));
          CAPTURE(static_cast<int>(next));
          CAPTURE(retried);
          CAPTURE(static_cast<int>(event));
          const Row* row = nullptr;
          for (const Row& each : rows()) {
            if (std::tie(each.old, each.next, each.retried, each.event) == std::tie(old, next, retried, event)) {
              REQUIRE(row == nullptr);
              row = &each;
            }
          }
          if (row == nullptr) {
            CHECK(after == before);
            CHECK(action == Action::kNothing);
            continue;
          }
          ++changes;
          CHECK(action == row->action);
          CHECK(after == HandoffState{.old = row->old_after, .next = row->next_after, .retried = row->retried_after});
        }
      }
    }
  }
  CHECK(changes == static_cast<int>(rows().size()));
}

TEST_CASE("a session is never broken while its old backend serves") {
  for (const Next next : {Next::kDialling, Next::kOpen}) {
    for (std::size_t i = 0; i < kHandoffEvents; ++i) {
      const auto event = static_cast<Event>(i);
      if (event == Event::kEnded) continue;  // then it does not
      const auto step = advance({.old = Old::kServing, .next = next, .retried = false}, event);
      CHECK(step.action != Action::kBreak);
      CHECK(step.action != Action::kReturn);
    }
  }
}

TEST_CASE("whatever fails, a handoff comes to its end within a few events") {
  // Depth-first over all orders of events: none may go on without end but by events that change nothing.
  struct Walk {
    int deepest = 0;
    void from(HandoffState state, int depth) {
      REQUIRE(depth < 12);
      deepest = std::max(deepest, depth);
      for (std::size_t i = 0; i < kHandoffEvents; ++i) {
        const auto [after, action] = advance(state, static_cast<Event>(i));
        const bool ends =
            action == Action::kJoin || action == Action::kReturn || action == Action::kStay || action == Action::kBreak;
        if (ends || after == state) continue;  // a dial that fails before `leave` is the pool's to bound
        from(after, depth + 1);
      }
    }
  };
  Walk walk;
  walk.from({}, 0);
  CHECK(walk.deepest >= 4);
}
