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

  ServerEndpoint(OnMessage on_message, std::uint64_t max_message_size);
  ~ServerEndpoint();
  ServerEndpoint(const ServerEndpoint&) = delete;
  ServerEndpoint& operator=(const ServerEndpoint&) = delete;

  // Bytes from the client. False: the connection is over and must be closed once take_output() is empty.
  bool receive(Bytes input);
  void send(Opcode opcode, Bytes payload);
  // Bytes to be sent to the client; emptied by the call.
  std::string take_output();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::websocket
