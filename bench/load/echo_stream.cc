// Payload goes out as it comes in: a large message is never held.
#include "bench/load/echo_stream.h"

#include <algorithm>

namespace drover::bench {

namespace {

constexpr std::uint8_t kMaskBit = 0x80;
constexpr std::uint8_t kOpcode = 0x0f;
constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;
constexpr std::size_t kMask = 4;

// Bytes of length behind the first two, RFC 6455 section 5.2.
std::size_t extended(std::uint8_t length) {
  const unsigned bits = length & 0x7fU;
  return bits == 126 ? 2 : bits == 127 ? 8 : 0;
}

}  // namespace

void EchoStream::divert_texts(OnText on_text) {
  diversion_ = std::make_unique<Diversion>(Diversion{.on_text = std::move(on_text), .text = {}});
}

std::size_t EchoStream::header_wanted() const {
  return header_size_ < 2 ? 2 : 2 + extended(header_[1]) + kMask;
}

EchoStream::State EchoStream::feed(Bytes input, std::vector<std::uint8_t>& out) {
  while (!input.empty()) {
    if (remaining_ > 0) {
      take_payload(input, out);
    } else if (!take_header(input, out)) {
      return State::kBroken;
    }
    if (close_ && at_boundary()) return State::kClosed;
    if (diverts() && at_boundary()) {
      diversion_->under_way = false;
      diversion_->on_text(as_text(diversion_->text), out);
      diversion_->text.clear();
    }
  }
  return State::kOpen;
}

// False: it is none of a client's.
bool EchoStream::take_header(Bytes& input, std::vector<std::uint8_t>& out) {
  while (header_size_ < header_wanted()) {
    if (input.empty()) return true;
    header_[header_size_++] = input[0];
    input = input.subspan(1);
  }
  if ((header_[1] & kMaskBit) == 0) return false;
  const std::size_t lengths = extended(header_[1]);
  remaining_ = header_[1] & 0x7fU;
  if (lengths > 0) remaining_ = 0;
  for (std::size_t i = 0; i < lengths; ++i) remaining_ = remaining_ << 8 | header_[2 + i];
  std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(2 + lengths), kMask, mask_.begin());
  mask_at_ = 0;
  const unsigned opcode = header_[0] & kOpcode;
  close_ = opcode == kClose;
  swallow_ = opcode == kPong;
  if (diversion_ != nullptr) diversion_->under_way = opcode == kText;
  if (!swallow_ && !diverts()) {
    if (opcode == kPing) header_[0] = static_cast<std::uint8_t>((header_[0] & ~kOpcode) | kPong);
    header_[1] &= 0x7f;
    out.insert(out.end(), header_.begin(), header_.begin() + static_cast<std::ptrdiff_t>(2 + lengths));
  }
  header_size_ = 0;
  return true;
}

void EchoStream::take_payload(Bytes& input, std::vector<std::uint8_t>& out) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
  if (!swallow_) {
    auto& to = diverts() ? diversion_->text : out;
    const std::size_t before = to.size();
    to.insert(to.end(), input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
    std::array<std::uint8_t, kMask> mask{};
    for (std::size_t i = 0; i < kMask; ++i) mask[i] = mask_[(mask_at_ + i) % kMask];
    std::uint8_t* const payload = to.data() + before;
    for (std::size_t i = 0; i < size; ++i) payload[i] ^= mask[i % kMask];
  }
  mask_at_ = (mask_at_ + size) % kMask;
  remaining_ -= size;
  input = input.subspan(size);
}

}  // namespace drover::bench
