// Hands on the pongs of an Endpoint.
#include "websocket/client_endpoint.h"

#include <utility>

namespace drover::websocket {

ClientEndpoint::ClientEndpoint(OnPong on_pong, std::uint64_t max_message_size)
    : on_pong_(std::move(on_pong)),
      endpoint_(Endpoint::Role::kClient, max_message_size, [this](Opcode opcode, Bytes payload) {
        if (opcode == Opcode::kPong) on_pong_(payload);
      }) {}

}  // namespace drover::websocket
