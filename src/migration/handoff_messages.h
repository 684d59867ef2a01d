// The messages of handoffs between Drover and backends (DESIGN section 7, the contract's version 1). Pure functions.
// A key is the 32 hex digits that the backend was told on the dial of the connection that the message travels on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drover::migration {

inline constexpr std::string_view kHandoffHeader = "X-Drover-Handoff";

// That header's value towards a backend.
std::string handoff_offer(std::string_view key);
// Whether a backend's answer, a list of versions that may have parameters, says that it takes part in version 1.
bool takes_part(std::string_view header_value);

// Asks the backend that a session leaves for its state.
std::string leave_text(std::string_view key);

// Why a backend gets a session that had another one.
enum class EnterWhy : std::uint8_t {
  kLeft,     // the old backend has handed it over
  kForced,   // it did not do so in time
  kToken,    // the client came back with a resume token
  kClosed,   // the old backend closed it
  kRescued,  // the old backend was lost
};
std::string_view name_of(EnterWhy why);

struct Enter {
  std::string_view key;
  EnterWhy why{};
  std::string_view state;  // JSON as it came; empty: null
  std::string_view from;   // the old backend's name
};
// The first message to the backend that gets the session.
std::string enter_text(const Enter& enter);

// What a backend says to Drover.
enum class Verb : std::uint8_t {
  kLeft,     // the answer to `leave`
  kLeaving,  // it wants the session to be moved
  kOther,    // of a later version
};

// A message is Drover's if it begins {"drover":"<verb>","key":"<key>" with JSON's white space between the tokens.
struct Opening {
  enum class What : std::uint8_t {
    kForeign,  // the message is not Drover's, whatever follows
    kUnclear,  // it may become Drover's
    kOurs,
  };
  What what = What::kForeign;
  Verb verb = Verb::kOther;  // of kOurs
  std::size_t size = 0;      // of kOurs: up to the closing quote of the key, which is included
};
// An opening that has not ended within so many bytes, or in a message's first frame, makes no message of Drover's.
inline constexpr std::size_t kMostOpening = 512;
// `text` is the front of a text message.
Opening read_opening(std::string_view text, std::string_view key);

// The value of the member `state` as it stands in the message, which is whole: the one member that may follow the
// opening. "null" where there is none; nothing where the message is no JSON of that form. Numbers beyond a double's
// range count as no JSON.
std::optional<std::string_view> state_of(std::string_view message, std::size_t opening_size);

}  // namespace drover::migration
