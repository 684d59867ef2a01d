// A backend's part in handoff contract v1 (docs/migration.md), for one connection: what its request says, and the
// messages of Drover's own among those of the client. Pure; JSON stands as text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/head.h"

namespace drover::app {

// A message of Drover's.
struct HandoffOrder {
  enum class Verb : std::uint8_t {
    kEnter,    // go on where `from` stopped
    kLeave,    // answer with DemoHandoff::left(), and then be silent
    kUnknown,  // of a later version: to be swallowed
  };
  Verb verb = Verb::kUnknown;
  std::string state = "null";  // JSON, of kEnter: what the one before it said in its `left`; null: that was lost
  std::string why;             // of kEnter: "left", "forced", "token", "closed", "rescued"
  std::string from;            // of kEnter: the backend before, by name; may be empty
};

class DemoHandoff {
 public:
  static constexpr std::string_view kHeader = "X-Drover-Handoff";  // of the request, and of the 101
  static constexpr std::string_view kVersion = "v1";               // the 101's value

  explicit DemoHandoff(const http::RequestHead& request);

  // The 101 has to say kHeader: kVersion then, and only then.
  bool takes_part() const { return !key_.empty(); }
  // The connection is another one's continuation: nothing is said before its kEnter has come.
  bool expects_enter() const { return expects_enter_; }

  // None: the text is the client's, who does not know the key.
  std::optional<HandoffOrder> read(std::string_view text) const;
  // The answer to kLeave. `state`: any JSON.
  std::string left(std::string_view state) const;

 private:
  std::string key_;  // empty: Drover did not ask
  bool expects_enter_ = false;
};

}  // namespace drover::app
