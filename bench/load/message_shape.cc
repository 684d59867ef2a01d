// Both frames come from Drover's frame writer; the mask is read back from the one that it made.
#include "bench/load/message_shape.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>

#include "websocket/frame_writer.h"

namespace drover::bench {

using websocket::make_frame;
using websocket::Opcode;
using websocket::Towards;

MessageShape::MessageShape(std::size_t payload) {
  assert(payload >= kLeastPayload);
  std::vector<std::uint8_t> content(payload);
  std::uint8_t next = 0;
  for (auto& byte : content) byte = next++;
  std::fill_n(content.begin(), kStampSize, std::uint8_t{0});
  echo_ = make_frame(Towards::kClient, Opcode::kBinary, content);
  sent_ = make_frame(Towards::kBackend, Opcode::kBinary, content);
  echo_header_ = echo_.size() - payload;
  sent_header_ = sent_.size() - payload;
  std::copy_n(sent_.begin() + static_cast<std::ptrdiff_t>(sent_header_ - mask_.size()), mask_.size(), mask_.begin());
}

void MessageShape::append(const Stamp& stamp, std::vector<std::uint8_t>& out) const {
  std::array<std::uint8_t, kStampSize> masked{};
  std::memcpy(masked.data(), &stamp, kStampSize);
  for (std::size_t i = 0; i < masked.size(); ++i) masked[i] ^= mask_[i % mask_.size()];
  const auto at = static_cast<std::ptrdiff_t>(out.size() + sent_header_);
  out.insert(out.end(), sent_.begin(), sent_.end());
  std::ranges::copy(masked, out.begin() + at);
}

std::uint64_t nanoseconds_now() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}

}  // namespace drover::bench
