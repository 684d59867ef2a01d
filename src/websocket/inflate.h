// The payload of compressed messages, RFC 7692 section 7.2.2, for the few that Drover itself has to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace drover::websocket {

// What a sender takes off the end of a compressed message (section 7.2.1), so it goes back there before inflating.
inline constexpr std::string_view kDeflateTail{"\0\0\xff\xff", 4};

struct Inflated {
  enum class End : std::uint8_t {
    kInput,   // all of the input was used
    kLast,    // a block that says it is the last was whole; what follows in the input was not read
    kFull,    // there is as much text as there may be
    kBroken,  // what follows in the input is no deflate, or memory is short
  };
  std::string text;  // whatever could be inflated before the end
  End end = End::kBroken;
};

// `compressed` is a message, or the front of one, that refers to none before it. The text has at most `most` bytes.
Inflated inflate(Bytes compressed, std::size_t most);

}  // namespace drover::websocket
