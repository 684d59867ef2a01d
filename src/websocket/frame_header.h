// One frame header, RFC 6455 section 5.2: its size, its payload's size, and every rule that a header alone decides.
// A header that is cut short is judged by the bytes that are there, so that what is illegal already is never waited
// for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace drover::websocket {

// What can be wrong with a frame. Reported is the first broken rule in the order of the bytes, wherever the input was
// cut.
enum class Fault : std::uint8_t {
  kNone,
  kReservedBits,
  kReservedOpcode,
  kControlFragmented,
  kNothingToContinue,
  kMessageUnfinished,
  kNotMasked,
  kMasked,
  kControlTooLong,
  kCloseOfOneByte,
  kLengthNotMinimal,
  kLengthTopBit,
  kMessageTooBig,
  kTooManyFragments,
  kCloseCode,  // the one that needs payload: frame_scanner.cc
};

inline constexpr std::size_t kMaxFrameHeader = 14;
inline constexpr std::uint8_t kFinBit = 0x80;
inline constexpr std::uint8_t kReservedBits = 0x70;
inline constexpr std::uint8_t kRsv1Bit = 0x40;
inline constexpr std::uint8_t kControlBit = 0x08;
inline constexpr std::uint8_t kOpcodeBits = 0x0f;
inline constexpr std::uint8_t kMaskBit = 0x80;
inline constexpr std::uint8_t kLengthBits = 0x7f;

// What came before a data frame.
enum class Message : std::uint8_t {
  kNone,        // the last message is whole
  kUnfinished,  // its last frame had no FIN
  kFull,        // the same, and it has as many frames as it may
};

struct HeaderRules {
  std::uint8_t mask_bit;    // kMaskBit where frames must be masked, 0 where they must not
  Message message;          // what a data frame continues
  bool permessage_deflate;  // RSV1 is legal on the first frame of a message
  std::uint64_t budget;     // payload that the message may still have
};

struct FrameHeader {
  Fault fault = Fault::kNone;
  std::uint8_t size = 0;  // with the masking key; 0: the header is cut short
  std::uint64_t payload = 0;
};

constexpr Fault check_first_byte(std::uint8_t first, const HeaderRules& rules) {
  const unsigned opcode = first & kOpcodeBits;
  const bool starts_message = opcode == 1 || opcode == 2;
  // RFC 7692 section 6: RSV1 belongs to the message, so it stands on its first frame only.
  const unsigned owned = rules.permessage_deflate && starts_message ? kRsv1Bit : 0U;
  if ((first & kReservedBits & ~owned) != 0) return Fault::kReservedBits;
  if ((opcode & kControlBit) != 0) {
    if (opcode > 10) return Fault::kReservedOpcode;
    return (first & kFinBit) != 0 ? Fault::kNone : Fault::kControlFragmented;
  }
  if (opcode > 2) return Fault::kReservedOpcode;
  if (starts_message) return rules.message == Message::kNone ? Fault::kNone : Fault::kMessageUnfinished;
  switch (rules.message) {
    case Message::kNone: return Fault::kNothingToContinue;
    case Message::kUnfinished: return Fault::kNone;
    case Message::kFull: return Fault::kTooManyFragments;
  }
  return Fault::kNone;
}

// First bytes of legal data frames: [message][permessage_deflate][byte].
using FirstBytes = std::array<std::array<std::array<bool, 256>, 2>, 3>;
inline constexpr FirstBytes kLegalDataFrames = [] {
  FirstBytes legal{};
  for (unsigned i = 0; i < 6 * 256; ++i) {
    const auto first = static_cast<std::uint8_t>(i & 0xff);
    const HeaderRules rules{
        .mask_bit = 0, .message = static_cast<Message>(i >> 9), .permessage_deflate = (i & 0x100) != 0, .budget = 0};
    legal[i >> 9][i >> 8 & 1][first] = (first & kControlBit) == 0 && check_first_byte(first, rules) == Fault::kNone;
  }
  return legal;
}();

// Any header, whole or not, legal or not. `available` starts with it and is not empty.
FrameHeader examine_frame_header(Bytes available, const HeaderRules& rules);

// The same, with a short cut for what nearly every frame is: data, with a length below 126. Inline, since this is the
// inner loop of the data path.
inline FrameHeader read_frame_header(Bytes available, const HeaderRules& rules) {
  const std::size_t size = rules.mask_bit != 0 ? 6 : 2;
  if (available.size() >= size) [[likely]] {
    const unsigned length = available[1] ^ rules.mask_bit;  // over 127 where the mask bit is wrong
    if (length < 126 && length <= rules.budget &&
        kLegalDataFrames[static_cast<std::size_t>(rules.message)][rules.permessage_deflate][available[0]]) [[likely]] {
      return {.size = static_cast<std::uint8_t>(size), .payload = length};
    }
  }
  return examine_frame_header(available, rules);
}

}  // namespace drover::websocket
