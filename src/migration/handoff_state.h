// A handoff as a pure table: what has become of the old backend and of the one that takes its place, and what is to be
// done next (DESIGN section 7). No I/O here, so that a test can drive every event in every state.
//
//   Dialling ──► Holding ──► Leaving ──► Joined        kServing+kDialling, kServing+kOpen, kLeaving+…
//
// Up to Leaving the session can stay where it is; from there on its old backend has been told to let go.
#pragma once

#include <cstdint>
#include <string_view>

namespace drover::migration {

enum class HandoffEvent : std::uint8_t {
  kOpened,       // another backend takes part and answers alike
  kRefused,      // it does not want the session
  kUnreachable,  // it did not answer, or was lost after it had
  kNobody,       // there is nobody else to dial
  kHeld,         // the client stands between two messages and is held there
  kLeft,         // the old backend has said its last message
  kEnded,        // it has ended without that, between two of its messages
  kTimeout,      // handoff_timeout is over
  kCalledOff,    // whoever wanted it does not any more, or the session ends by itself
};
inline constexpr std::size_t kHandoffEvents = 9;

enum class HandoffAction : std::uint8_t {
  kNothing,
  kHold,    // the client, at its next boundary
  kLeave,   // the old backend is asked to let go
  kDial,    // one more candidate
  kJoin,    // the new backend takes over
  kReturn,  // the old backend gets its state back and goes on
  kStay,    // nothing has happened
  kBreak,   // the client is told to come again
};

struct HandoffState {
  enum class Old : std::uint8_t {
    kServing,
    kLeaving,  // it was asked to let go
    kLeft,     // it has, and waits for its end
    kGone,
  };
  enum class Next : std::uint8_t { kDialling, kOpen, kNone };

  Old old = Old::kServing;
  Next next = Next::kDialling;
  bool retried = false;  // one candidate has failed already since there is no way back

  bool operator==(const HandoffState&) const = default;
  // The old backend knows that it is to go, or has gone: the session is held between the two.
  constexpr bool committed() const { return old != Old::kServing; }
};

struct HandoffStep {
  HandoffState state;
  HandoffAction action = HandoffAction::kNothing;
};

// Where nobody takes the session: by what is left of the old backend.
constexpr HandoffStep without_next(HandoffState state) {
  using Old = HandoffState::Old;
  state.next = HandoffState::Next::kNone;
  switch (state.old) {
    case Old::kServing: return {state, HandoffAction::kStay};
    case Old::kLeaving: return {state};  // it may give the state back yet
    case Old::kLeft: return {state, HandoffAction::kReturn};
    case Old::kGone: break;
  }
  return {state, HandoffAction::kBreak};
}

// Where the one that was dialled fails, which it may once behind the point of no return.
constexpr HandoffStep without_this_one(HandoffState state) {
  if (!state.committed() || state.retried) return without_next(state);
  state.retried = true;
  state.next = HandoffState::Next::kDialling;
  return {state, HandoffAction::kDial};
}

// What `event` makes of `state`. Events that cannot come there change nothing. After kJoin, kReturn, kStay and kBreak
// it is over.
constexpr HandoffStep advance(HandoffState state, HandoffEvent event) {
  using Old = HandoffState::Old;
  using Next = HandoffState::Next;
  const auto step = [&state](HandoffAction action) { return HandoffStep{state, action}; };

  switch (event) {
    case HandoffEvent::kOpened:
      if (state.next != Next::kDialling) break;
      state.next = Next::kOpen;
      if (state.old == Old::kServing) return step(HandoffAction::kHold);
      return step(state.old == Old::kLeaving ? HandoffAction::kNothing : HandoffAction::kJoin);
    case HandoffEvent::kRefused:
      if (state.next == Next::kNone) break;
      return without_this_one(state);
    case HandoffEvent::kUnreachable:
      if (state.next == Next::kNone) break;
      if (state.old != Old::kServing || state.next == Next::kOpen) return without_this_one(state);
      return step(HandoffAction::kDial);  // nobody has noticed any of it: the next one may do
    case HandoffEvent::kNobody:
      if (state.next != Next::kDialling) break;
      return without_next(state);
    case HandoffEvent::kHeld:
      if (state.old != Old::kServing || state.next != Next::kOpen) break;
      state.old = Old::kLeaving;
      return step(HandoffAction::kLeave);
    case HandoffEvent::kLeft:
      if (state.old != Old::kLeaving) break;
      state.old = Old::kLeft;
      if (state.next == Next::kNone) return step(HandoffAction::kReturn);
      return step(state.next == Next::kOpen ? HandoffAction::kJoin : HandoffAction::kNothing);
    case HandoffEvent::kEnded:
      if (state.old == Old::kGone) break;
      state.old = Old::kGone;
      if (state.next == Next::kNone) return step(HandoffAction::kBreak);
      return step(state.next == Next::kOpen ? HandoffAction::kJoin : HandoffAction::kNothing);
    case HandoffEvent::kTimeout:
      if (state.old == Old::kLeaving && state.next == Next::kOpen) {
        state.old = Old::kGone;
        return step(HandoffAction::kJoin);
      }
      if (state.old == Old::kLeaving) state.old = Old::kGone;  // it does not answer, and nobody is there in its place
      return without_next(state);
    case HandoffEvent::kCalledOff:
      if (state.committed()) break;
      return step(HandoffAction::kStay);
  }
  return step(HandoffAction::kNothing);
}

}  // namespace drover::migration
