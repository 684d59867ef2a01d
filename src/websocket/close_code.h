// Close codes, RFC 6455 section 7.4 and the IANA registry.
#pragma once

#include <cstdint>

namespace drover::websocket {

enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kPolicyViolation = 1008,
  kTooBig = 1009,
  kServiceRestart = 1012,
};

// May stand in a Close frame on the wire: 1000–1003, 1007–1014, 3000–4999.
bool may_be_sent(std::uint16_t code);

}  // namespace drover::websocket
