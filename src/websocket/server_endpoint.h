// A WebSocket server's side of one connection after the 101: for the demo backends and nothing on the data path. Feed
// it bytes, take bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "websocket/endpoint.h"

namespace drover::websocket {

class ServerEndpoint {
 public:
  // Called from receive() for every whole data message; opcode is kText or kBinary.
  using OnMessage = std::function<void(ServerEndpoint&, Opcode opcode, Bytes payload)>;

  // All of it as Endpoint's.
  ServerEndpoint(OnMessage on_message, std::uint64_t max_message_size);
  ServerEndpoint(const ServerEndpoint&) = delete;
  ServerEndpoint& operator=(const ServerEndpoint&) = delete;

  bool receive(Bytes input) { return endpoint_.receive(input); }
  void send(Opcode opcode, Bytes payload) { endpoint_.send(opcode, payload); }
  std::string take_output() { return endpoint_.take_output(); }

 private:
  OnMessage on_message_;
  Endpoint endpoint_;
};

}  // namespace drover::websocket
