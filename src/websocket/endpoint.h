// One end of a WebSocket connection after the 101, over wslay's event API: what server_endpoint.h and client_endpoint.h
// have in common. Feed it bytes, take bytes. Nothing on the data path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "websocket/frame_scanner.h"

namespace drover::websocket {

class Endpoint {
 public:
  // A client masks what it sends, and throws data messages away as they come.
  enum class Role : std::uint8_t { kServer, kClient };
  // Called from receive() for every whole message, control frames included.
  using OnMessage = std::function<void(Opcode opcode, Bytes payload)>;

  // `max_message_size` in bytes: a longer message is answered with Close 1009 when its header comes.
  Endpoint(Role role, std::uint64_t max_message_size, OnMessage on_message);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Bytes from the peer; pings are answered, a Close too. False: the connection is over and must be closed once
  // take_output() is empty. Output waits in memory: do not feed a peer that does not take its own.
  bool receive(Bytes input);
  // Also from within OnMessage. Dropped once a Close has been sent; Opcode::kClose with code and reason sends one.
  void send(Opcode opcode, Bytes payload);
  // Bytes to be sent to the peer; emptied by the call.
  std::string take_output();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::websocket
