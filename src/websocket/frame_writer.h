// Frames that Drover originates, built with wslay. Never called for a message on the fast path.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "websocket/close_code.h"
#include "websocket/frame_scanner.h"

namespace drover::websocket {

// Towards whom: frames to a backend are masked with a fresh random key, those to a client are not.
enum class Towards : std::uint8_t { kClient, kBackend };

// A whole frame, FIN set. A control frame's payload is at most 125 bytes (checked by assert). Empty: out of memory, or
// the system has no random bytes for a mask; then the connection ends without the frame.
std::vector<std::uint8_t> make_frame(Towards towards, Opcode opcode, Bytes payload);

// A Close frame; `reason` is plain text, cut to 123 bytes at a UTF-8 boundary.
std::vector<std::uint8_t> make_close(Towards towards, CloseCode code, std::string_view reason);

}  // namespace drover::websocket
