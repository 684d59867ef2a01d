// Every event in every state of a session's life.
#include "proxy/session_state.h"

#include <doctest/doctest.h>

#include <map>
#include <utility>

namespace drover::proxy {
namespace {

constexpr State kStates[] = {State::kReadingRequest, State::kConnecting, State::kAwaitingAnswer, State::kTunnelling,
                             State::kRelayingAnswer, State::kAnswering,  State::kEnded};
constexpr Event kEvents[] = {Event::kRequestParsed, Event::kConnected, Event::kAttemptFailed, Event::kUpgraded,
                             Event::kRefused,       Event::kAnswered,  Event::kEnded};

TEST_CASE("every transition of a session is either in the table or illegal") {
  const std::map<std::pair<State, Event>, State> legal = {
      {{State::kReadingRequest, Event::kRequestParsed}, State::kConnecting},
      {{State::kReadingRequest, Event::kAnswered}, State::kAnswering},
      {{State::kReadingRequest, Event::kEnded}, State::kEnded},
      {{State::kConnecting, Event::kConnected}, State::kAwaitingAnswer},
      {{State::kConnecting, Event::kAttemptFailed}, State::kConnecting},
      {{State::kConnecting, Event::kAnswered}, State::kAnswering},
      {{State::kConnecting, Event::kEnded}, State::kEnded},
      {{State::kAwaitingAnswer, Event::kUpgraded}, State::kTunnelling},
      {{State::kAwaitingAnswer, Event::kRefused}, State::kRelayingAnswer},
      {{State::kAwaitingAnswer, Event::kAttemptFailed}, State::kConnecting},
      {{State::kAwaitingAnswer, Event::kAnswered}, State::kAnswering},
      {{State::kAwaitingAnswer, Event::kEnded}, State::kEnded},
      {{State::kTunnelling, Event::kEnded}, State::kEnded},
      {{State::kRelayingAnswer, Event::kAnswered}, State::kAnswering},
      {{State::kRelayingAnswer, Event::kEnded}, State::kEnded},
      {{State::kAnswering, Event::kEnded}, State::kEnded},
  };
  for (const State state : kStates) {
    for (const Event event : kEvents) {
      CAPTURE(name_of(state));
      CAPTURE(name_of(event));
      const auto found = legal.find({state, event});
      const auto to = next(state, event);
      REQUIRE(to.has_value() == (found != legal.end()));
      if (to) CHECK(*to == found->second);
    }
  }
}

TEST_CASE("states and events have names for the log, each its own") {
  std::map<std::string_view, int> names;
  for (const State state : kStates) ++names[name_of(state)];
  for (const auto& [name, count] : names) {
    CAPTURE(name);
    CHECK(count == 1);
    CHECK(name != "unknown");
  }
}

}  // namespace
}  // namespace drover::proxy
