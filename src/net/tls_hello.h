// A look at what a client says first, before OpenSSL gets it: OpenSSL takes the memory for a message that is announced,
// up to 200 KB, and has much of its own once it has a byte. Until the message is there, nobody has to believe it.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace drover::net {

enum class Hello : std::uint8_t {
  kIncomplete,  // its first record has not come whole
  kPassable,    // OpenSSL may have it; or it is no TLS, which is OpenSSL's to say
  kTooLarge,    // it announces more than any client has to say
};

// `received`: all that has come. Layout: RFC 8446 sections 4 and 5.1.
Hello look_at_hello(Bytes received);

}  // namespace drover::net
