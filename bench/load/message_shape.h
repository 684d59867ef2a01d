// The one kind of message that a load run sends: binary, of a fixed size, and different from others only in the stamp
// at its front. Made once; a message then costs a copy and sixteen bytes of masking.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace drover::bench {

// When a message was sent, or should have been, and a number that tells it from others.
struct Stamp {
  std::uint64_t nanoseconds = 0;  // of the monotonic clock
  std::uint64_t number = 0;
};

class MessageShape {
 public:
  static constexpr std::size_t kStampSize = sizeof(Stamp);
  static constexpr std::size_t kLeastPayload = kStampSize;

  // `payload` bytes, kLeastPayload or more.
  explicit MessageShape(std::size_t payload);

  // Appends the frame of a client, masked (RFC 6455 section 5.3).
  void append(const Stamp& stamp, std::vector<std::uint8_t>& out) const;

  // The frame that comes back, with nothing at stamp_offset() yet.
  Bytes echo() const { return echo_; }
  std::size_t stamp_offset() const { return echo_header_; }

 private:
  std::vector<std::uint8_t> echo_;  // header and payload of a server's frame
  std::vector<std::uint8_t> sent_;  // header, mask and payload of a client's
  std::size_t echo_header_;         // bytes
  std::size_t sent_header_;
  std::array<std::uint8_t, 4> mask_{};
};

// Of the monotonic clock, for stamps.
std::uint64_t nanoseconds_now();

}  // namespace drover::bench
