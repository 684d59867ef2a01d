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

struct HeaderRules {
  std::uint8_t mask_bit;    // kMaskBit where frames must be masked, 0 where they must not
  bool inside_message;      // an unfinished message came before
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
  if (starts_message != rules.inside_message) return Fault::kNone;
  return starts_message ? Fault::kMessageUnfinished : Fault::kNothingToContinue;
}

// First bytes of legal data frames: [inside_message][permessage_deflate][byte].
using FirstBytes = std::array<std::array<std::array<bool, 256>, 2>, 2>;
inline constexpr FirstBytes kLegalDataFrames = [] {
  FirstBytes legal{};
  for (unsigned i = 0; i < 4 * 256; ++i) {
    const auto first = static_cast<std::uint8_t>(i & 0xff);
    const HeaderRules rules{
        .mask_bit = 0, .inside_message = (i & 0x200) != 0, .permessage_deflate = (i & 0x100) != 0, .budget = 0};
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
        kLegalDataFrames[rules.inside_message][rules.permessage_deflate][available[0]]) [[likely]] {
      return {.size = static_cast<std::uint8_t>(size), .payload = length};
    }
  }
  return examine_frame_header(available, rules);
}

}  // namespace drover::websocket
