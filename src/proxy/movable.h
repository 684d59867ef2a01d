// What a tunnel has beyond its relays where another backend may take the place of its own: rare beside all tunnels, so
// it is a part of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/backend_screen.h"
#include "proxy/handoff.h"

namespace drover::proxy {

struct Movable {
  HandoffHost& host;
  std::string key{};                        // of the backend's connection; empty: it takes no part in the contract
  std::unique_ptr<BackendScreen> screen{};  // likewise null
  std::unique_ptr<Handoff> handoff{};       // null: it stays where it is
  // The client is to be held at its next message boundary; then, what was read behind that.
  enum class Hold : std::uint8_t { kNone, kWanted, kHeld } hold = Hold::kNone;
  std::vector<std::uint8_t> held{};
  // The client's last Ping, as long as the backend has not answered it (RFC 6455 section 5.5.3: the last will do).
  std::optional<std::string> client_ping{};
  std::uint16_t close_taken = 0;  // code of the backend's last Close that could be followed by another backend
  bool deflate = false;           // permessage-deflate is agreed on: messages to Drover may be compressed
  bool discarded = false;         // the backend has said more than its last word
  bool backend_closed = false;    // it has been sent a Close, and nothing may follow
  bool backend_waited = false;    // see Tunnel::backend_has_waited()
};

}  // namespace drover::proxy
