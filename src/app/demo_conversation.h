// What a demo backend talks about with one client, once there is a tunnel: an echo, or what the demo's page wants. It
// can be carried on by another backend, which is all that a handoff needs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/demo_handoff.h"
#include "app/demo_room.h"
#include "websocket/frame_scanner.h"

namespace drover::app {

class DemoConversation {
 public:
  // A whole message to the client.
  using Send = std::function<void(websocket::Opcode opcode, Bytes payload)>;

  DemoConversation() = default;
  virtual ~DemoConversation() = default;
  DemoConversation(const DemoConversation&) = delete;
  DemoConversation& operator=(const DemoConversation&) = delete;

  // Begins anew.
  virtual void begin() = 0;
  // Goes on where another backend stopped, or, where there is no candidate, where it stopped itself.
  virtual void enter(const HandoffOrder& order) = 0;
  // A message of the client's.
  virtual void hear(websocket::Opcode opcode, Bytes payload) = 0;
  // Its state, as JSON; nothing is sent from then on, unless it enters again.
  virtual std::string leave() = 0;
};

// Says everything again, and `description` to the text `whoami`. It has no state.
std::unique_ptr<DemoConversation> make_demo_echo(DemoConversation::Send send, std::string description);

// Where the page's socket is.
inline constexpr std::string_view kDemoPath = "/demo";

// The page's. JSON objects in text messages, told apart by their first member. The client's:
//   {"tick":7}            counted, and answered with the count: {"tick":7,"count":1207,"backend":"demo-1"}
//   {"name":"Ann"}        how it is called from now on
//   {"say":"hello"}       to everybody: {"line":4,"from":"Ann","text":"hello","backend":"demo-1"}
//   {"drain":"demo-1"}, {"restore":"demo-1"}, {"kill":"demo-1"}    the buttons
// The backend's, beside the answers: {"hello":"demo-2","why":"left","from":"demo-1","count":1207,"name":"Ann"} when it
// begins to serve, with `why` "new" or that of its enter, and {"backends":[{"name":…,"state":…,"sessions":…}]}.
// The state is the count, the name, and the number of the last line that the client was told. What else is heard, or
// too long, is ignored. `backend` and the room outlive it.
std::unique_ptr<DemoConversation> make_demo_visit(DemoConversation::Send send, std::string_view backend,
                                                  DemoRoom& room);

}  // namespace drover::app
