// OpenSSL's decoder takes padding, white space and spare bits as they come, so it is not used.
#include "migration/base64url.h"

#include <array>
#include <cstddef>

namespace drover::migration {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned kBits = 6;  // of a character
constexpr std::uint8_t kNone = 0xff;

constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

void append_base64url(std::string& out, Bytes bytes) {
  unsigned held = 0;  // bits that no character has taken yet, in the low `count` of it
  unsigned count = 0;
  for (const auto byte : bytes) {
    held = (held << 8) | byte;
    for (count += 8; count >= kBits; count -= kBits) out += kAlphabet[(held >> (count - kBits)) & 0x3f];
    held &= 0x3f;
  }
  if (count > 0) out += kAlphabet[(held << (kBits - count)) & 0x3f];
}

std::optional<std::vector<std::uint8_t>> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() * kBits / 8);
  unsigned held = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto value = kValues[static_cast<unsigned char>(c)];
    if (value == kNone) return std::nullopt;
    held = (held << kBits) | value;
    count += kBits;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::uint8_t>(held >> count));
    held &= (1U << count) - 1;
  }
  if (held != 0) return std::nullopt;  // RFC 4648 section 3.5
  return bytes;
}

}  // namespace drover::migration
