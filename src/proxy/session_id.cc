// A bijection of 64 bits: xor and multiplication by an odd number can be undone, and the shift spreads high bits to low
// ones. Two rounds make neighbours look unlike.
#include "proxy/session_id.h"

#include <charconv>

#include "base/random.h"

namespace drover::proxy {

namespace {

constexpr unsigned kNumberBits = 48;
constexpr int kRounds = 2;
constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;   // odd: 2^64 over the golden ratio
constexpr std::uint64_t kInverse = 0xf1de83e19937733d;  // of kFactor, modulo 2^64
static_assert(kFactor * kInverse == 1);

std::uint64_t process_key() {
  static const std::uint64_t kKey = [] {
    std::uint64_t drawn = 0;
    fill_random({reinterpret_cast<std::uint8_t*>(&drawn), sizeof(drawn)});
    return drawn;
  }();
  return kKey;
}

std::uint64_t scrambled(std::uint64_t value) {
  for (int round = 0; round < kRounds; ++round) {
    value = (value ^ process_key()) * kFactor;
    value ^= value >> 32U;
  }
  return value;
}

std::uint64_t unscrambled(std::uint64_t value) {
  for (int round = 0; round < kRounds; ++round) {
    value ^= value >> 32U;
    value = (value * kInverse) ^ process_key();
  }
  return value;
}

}  // namespace

std::string to_text(SessionId id) {
  const std::uint64_t value = scrambled(static_cast<std::uint64_t>(id.worker) << kNumberBits | id.number);
  std::uint8_t bytes[8];
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return to_hex(bytes);
}

std::optional<SessionId> session_id_from(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != kDigits || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  value = unscrambled(value);
  return SessionId{.worker = static_cast<unsigned>(value >> kNumberBits),
                   .number = value & ((std::uint64_t{1} << kNumberBits) - 1)};
}

}  // namespace drover::proxy
