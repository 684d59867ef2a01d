// Every header rule, byte after byte.
#include "websocket/frame_header.h"

#include <algorithm>

namespace drover::websocket {
namespace {

Fault check_second_byte(std::uint8_t first, std::uint8_t second, const HeaderRules& rules) {
  if ((second & kMaskBit) != rules.mask_bit) return rules.mask_bit != 0 ? Fault::kNotMasked : Fault::kMasked;
  if ((first & kControlBit) == 0) return Fault::kNone;
  const unsigned length = second & kLengthBits;
  if (length > 125) return Fault::kControlTooLong;
  return length == 1 && (first & kOpcodeBits) == 8 ? Fault::kCloseOfOneByte : Fault::kNone;
}

// Bytes that follow the second one to tell the length.
std::size_t length_width(std::uint8_t second) {
  switch (second & kLengthBits) {
    case 126: return 2;
    case 127: return 8;
    default: return 0;
  }
}

}  // namespace

FrameHeader examine_frame_header(Bytes available, const HeaderRules& rules) {
  const std::uint8_t first = available[0];
  if (const Fault fault = check_first_byte(first, rules); fault != Fault::kNone) return {.fault = fault};
  if (available.size() < 2) return {};
  const std::uint8_t second = available[1];
  if (const Fault fault = check_second_byte(first, second, rules); fault != Fault::kNone) return {.fault = fault};

  // The least and the most that the length can become, where some of its bytes are not here yet.
  const std::size_t width = length_width(second);
  const Bytes given = available.subspan(2, std::min(width, available.size() - 2));
  std::uint64_t least = width == 0 ? second & kLengthBits : 0U;
  std::uint64_t most = least;
  for (std::size_t i = 0; i < width; ++i) {
    least = least << 8 | (i < given.size() ? given[i] : 0x00U);
    most = most << 8 | (i < given.size() ? given[i] : 0xffU);
  }
  if (least >> 63 != 0) return {.fault = Fault::kLengthTopBit};
  if ((width == 2 && most < 126) || (width == 8 && most < 65536)) return {.fault = Fault::kLengthNotMinimal};
  if ((first & kControlBit) == 0 && least > rules.budget) return {.fault = Fault::kMessageTooBig};

  const std::size_t size = 2 + width + (rules.mask_bit != 0 ? 4U : 0U);
  if (available.size() < size) return {};
  return {.size = static_cast<std::uint8_t>(size), .payload = least};
}

}  // namespace drover::websocket
