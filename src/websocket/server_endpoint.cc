// Hands on the data messages of an Endpoint.
#include "websocket/server_endpoint.h"

#include <utility>

namespace drover::websocket {

ServerEndpoint::ServerEndpoint(OnMessage on_message, std::uint64_t max_message_size)
    : on_message_(std::move(on_message)),
      endpoint_(Endpoint::Role::kServer, max_message_size, [this](Opcode opcode, Bytes payload) {
        if (opcode == Opcode::kText || opcode == Opcode::kBinary) on_message_(*this, opcode, payload);
      }) {}

}  // namespace drover::websocket
