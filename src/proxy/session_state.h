// The life of a session as a pure table: no I/O here, so every transition is unit-tested.
//
//   ReadingRequest ──► Connecting ◄──► AwaitingAnswer ──► Tunnelling ──► Ended
//         │                │                 │ ▲ next candidate            ▲
//         └───────► Answering ◄──────────────┴──► RelayingAnswer ──────────┤
//                       └──────────────────────────────────────────────────┘
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace drover::proxy {

enum class State : std::uint8_t {
  kReadingRequest,
  kConnecting,      // a dial is in flight, or the one before it is being closed
  kAwaitingAnswer,  // the request went to a backend
  kTunnelling,
  kRelayingAnswer,  // the backend's answer other than 101 goes to the client
  kAnswering,       // an answer has been written whole; lingering
  kEnded,           // both streams are closing; the slot is free after their callbacks
};

enum class Event : std::uint8_t {
  kRequestParsed,
  kConnected,
  kAttemptFailed,  // the next candidate is tried
  kUpgraded,       // 101
  kRefused,        // another answer of the backend
  kAnswered,       // an answer of Drover's own, or the end of the backend's
  kEnded,
};

constexpr std::optional<State> next(State state, Event event) {
  if (event == Event::kEnded) return state == State::kEnded ? std::nullopt : std::optional(State::kEnded);
  switch (state) {
    case State::kReadingRequest:
      if (event == Event::kRequestParsed) return State::kConnecting;
      if (event == Event::kAnswered) return State::kAnswering;
      break;
    case State::kConnecting:
      if (event == Event::kConnected) return State::kAwaitingAnswer;
      if (event == Event::kAttemptFailed) return State::kConnecting;
      if (event == Event::kAnswered) return State::kAnswering;
      break;
    case State::kAwaitingAnswer:
      if (event == Event::kUpgraded) return State::kTunnelling;
      if (event == Event::kRefused) return State::kRelayingAnswer;
      if (event == Event::kAttemptFailed) return State::kConnecting;
      if (event == Event::kAnswered) return State::kAnswering;
      break;
    case State::kRelayingAnswer:
      if (event == Event::kAnswered) return State::kAnswering;
      break;
    case State::kTunnelling:
    case State::kAnswering:
    case State::kEnded: break;
  }
  return std::nullopt;  // illegal here: the session logs both names and ends
}

std::string_view name_of(State state);
std::string_view name_of(Event event);

}  // namespace drover::proxy
