// A WebSocket client's side of one connection after the 101, as far as a probe needs it: sends, and hears pongs. Feed
// it bytes, take bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "websocket/endpoint.h"

namespace drover::websocket {

class ClientEndpoint {
 public:
  // Called from receive() for every pong. Data messages are thrown away as they come.
  using OnPong = std::function<void(Bytes payload)>;

  // All of it as Endpoint's; `max_message_size` counts by the frame.
  ClientEndpoint(OnPong on_pong, std::uint64_t max_message_size);
  ClientEndpoint(const ClientEndpoint&) = delete;
  ClientEndpoint& operator=(const ClientEndpoint&) = delete;

  bool receive(Bytes input) { return endpoint_.receive(input); }
  void send(Opcode opcode, Bytes payload) { endpoint_.send(opcode, payload); }
  std::string take_output() { return endpoint_.take_output(); }

 private:
  OnPong on_pong_;
  Endpoint endpoint_;
};

}  // namespace drover::websocket
