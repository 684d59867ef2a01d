// What the fuzzer of tunnels reads its input as, and what the sides of a tunnel say.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "input.h"
#include "proxy/tunnel.h"
#include "tunnel_model.h"

namespace drover::proxy::fuzz {

inline constexpr Milliseconds kTick{10};

using drover::fuzz::Input;

// FNV-1a: an input that contains its own is not to be found.
inline std::string nonce_of(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t hash = 14695981039346656037U;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211U;
  std::string nonce;
  for (int i = 0; i < 8; ++i) nonce.push_back(static_cast<char>(hash >> (8 * i) & 0xff));
  return nonce;
}

// `scan`: the first byte, whose bits from 0x20 on say nothing here.
inline TunnelLimits limits_from(unsigned scan, Input& input) {
  using Span = TunnelLimits::Span;
  constexpr std::array<std::uint64_t, 4> kMessageSizes{0, 10, 300, 5000};
  constexpr std::array<std::uint32_t, 4> kFragments{0, 1, 3, 16};
  constexpr std::array<std::uint32_t, 4> kQueued{1, 64, 1000, 16384};
  constexpr std::array<Milliseconds, 4> kIdle{Milliseconds(0), Milliseconds(50), Milliseconds(300), Milliseconds(2000)};
  constexpr std::array<Span, 4> kStalled{Span(0), Span(10), Span(100), Span(500)};
  constexpr std::array<Span, 4> kClose{Span(10), Span(50), Span(500), Span(5000)};
  constexpr std::array<Span, 4> kInterval{Span(0), Span(50), Span(200), Span(1000)};
  constexpr std::array<Span, 4> kTimeout{Span(10), Span(50), Span(200), Span(1000)};
  const unsigned ends = input.byte();
  const unsigned pings = input.byte();
  TunnelLimits limits;
  limits.scan = {kMessageSizes[scan & 3], kFragments[scan >> 2 & 3], (scan >> 4 & 1) != 0};
  limits.max_queued = kQueued[ends & 3];
  limits.idle = kIdle[ends >> 2 & 3];
  limits.stalled_write = kStalled[ends >> 4 & 3];
  limits.close = kClose[ends >> 6 & 3];
  limits.ping_client = kInterval[pings & 3];
  limits.ping_backend = kInterval[pings >> 2 & 3];
  limits.ping_timeout = kTimeout[pings >> 4 & 3];
  return limits;
}

inline std::size_t size_from(unsigned byte) {
  if (byte < 200) return byte;
  return byte == 255 ? 65536 : (byte - 199) * 97;
}

// What a side is going to send, whatever Drover reads of it.
struct Sending {
  const bool masks;
  std::string bytes{};
  bool in_message = false;
  std::uint32_t key = 1;

  void frame(unsigned first, std::string payload) {
    bytes.push_back(static_cast<char>(first));
    const unsigned mask_bit = masks ? 0x80 : 0;
    const std::size_t size = payload.size();
    const int width = size < 126 ? 0 : size < 65536 ? 2 : 8;
    bytes.push_back(static_cast<char>(mask_bit | (width == 0 ? size : width == 2 ? 126U : 127U)));
    for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<char>(size >> (8 * i) & 0xff));
    if (masks) {
      key = key * 1664525U + 1013904223U;
      for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(key >> (8 * i) & 0xff));
      for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(byte_at(payload, i) ^ key >> (8 * (i % 4)));
    }
    bytes += payload;
  }
  // The next frame of a message. `kind`: FIN, RSV1 and text or binary in its low bits.
  void data(unsigned kind, std::size_t size, bool deflate) {
    const bool fin = (kind & 1) == 0;
    const unsigned opcode = in_message ? 0 : 1 + (kind >> 1 & 1);
    const unsigned rsv = deflate && !in_message && (kind & 4) != 0 ? 0x40 : 0;
    frame((fin ? 0x80U : 0U) | rsv | opcode, std::string(size, static_cast<char>('a' + kind % 26)));
    in_message = !fin;
  }
  void data_from(Input& input, bool deflate) {
    const unsigned kind = input.byte();
    data(kind, size_from(input.byte()), deflate);
  }
  void control_from(Input& input) {
    const unsigned kind = input.byte();
    frame((kind & 0x80) != 0 ? 0x8a : 0x89, std::string(kind & 0x1f, 'p'));
  }
  void close_from(Input& input) {
    constexpr std::array<unsigned, 8> kCodes{0, 1000, 1001, 1012, 1006, 3000, 4999, 5000};
    const unsigned kind = input.byte();
    const unsigned code = kCodes[kind & 7];
    std::string payload;
    if (code != 0) payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    frame(0x88, payload + std::string(code == 0 ? 0 : kind >> 4, 'r'));
  }
  // A Pong for a ping of Drover's own that this side was sent, an old one, too, or one that is none quite.
  void answer_from(Input& input, const OwnPings& pings) {
    const unsigned kind = input.byte();
    if (pings.sent == 0) return;
    const std::uint32_t number = (kind & 0x80) != 0 ? pings.sent + 1000 : pings.sent - (kind & 3) % pings.sent;
    std::string payload = pings.tag;
    for (unsigned i = 0; i < 4; ++i) payload.push_back(static_cast<char>(number >> (8 * i) & 0xff));
    if ((kind & 0x40) != 0) payload[kind & 3] = static_cast<char>(payload[kind & 3] ^ 1);
    if ((kind & 0x20) != 0) payload.push_back('x');
    frame(0x8a, payload);
  }
};

}  // namespace drover::proxy::fuzz
