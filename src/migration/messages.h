// The frames by which clients are asked to reconnect: text messages of JSON (DESIGN section 7). Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace drover::migration {

// To a client whose session moves. Times are from now.
struct MigrateConnection {
  std::string_view reason;        // "drain"
  std::string_view new_endpoint;  // a URL
  std::string_view session_token;
  Milliseconds reconnect_delay{0};
  Milliseconds deadline{0};  // then it gets its Close
};
std::string text_of(const MigrateConnection& message);

// To a client of a Drover that shuts down.
struct ServerShutdown {
  std::string_view message;
  Milliseconds reconnect_delay{0};
  Milliseconds deadline{0};
};
std::string text_of(const ServerShutdown& message);

}  // namespace drover::migration
