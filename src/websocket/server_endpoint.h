// A WebSocket server's side of one connection after the 101, over wslay's event API: for the demo backends and
// nothing on the data path. Feed it bytes, take bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "websocket/frame_scanner.h"

namespace drover::websocket {

class ServerEndpoint {
 public:
  // Called from receive() for every whole data message; opcode is kText or kBinary.
  using OnMessage = std::function<void(ServerEndpoint&, Opcode opcode, Bytes payload)>;

  // `max_message_size` in bytes: a longer message is answered with Close 1009 when its header comes.
  ServerEndpoint(OnMessage on_message, std::uint64_t max_message_size);
  ~ServerEndpoint();
  ServerEndpoint(const ServerEndpoint&) = delete;
  ServerEndpoint& operator=(const ServerEndpoint&) = delete;

  // Bytes from the client; pings are answered, a Close too. False: the connection is over and must be closed once
  // take_output() is empty. Output waits in memory: do not feed a client that does not take its own.
  bool receive(Bytes input);
  // Also from within OnMessage. Dropped once a Close has been sent; Opcode::kClose with code and reason sends one.
  void send(Opcode opcode, Bytes payload);
  // Bytes to be sent to the client; emptied by the call.
  std::string take_output();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::websocket
