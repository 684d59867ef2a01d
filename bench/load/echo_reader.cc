// An echo may come in any pieces; other frames only between echoes, since the backend does not fragment.
#include "bench/load/echo_reader.h"

#include <algorithm>
#include <cstring>

namespace drover::bench {

namespace {

constexpr std::uint8_t kControlBit = 0x08;
constexpr std::uint8_t kText = 0x81;  // FIN and the opcode
constexpr std::uint8_t kClose = 0x88;
constexpr std::uint8_t kPing = 0x89;
constexpr std::uint8_t kLongestPayload = 125;  // of a control frame, RFC 6455 section 5.5
constexpr std::uint8_t kLength16 = 126;        // the length is in the next two bytes, section 5.2

}  // namespace

EchoReader::Item EchoReader::next(Bytes& input) {
  while (!input.empty()) {
    const bool other = at_ == 0 && (!other_.empty() || (input[0] & kControlBit) != 0 || input[0] == kText);
    if (other) {
      const Item item = take_other(input);
      if (item != Item::kNone) return item;
      continue;
    }
    const Bytes part = input.first(std::min(input.size(), shape_->echo().size() - at_));
    if (!take_echo(part)) return Item::kBroken;
    input = input.subspan(part.size());
    at_ += part.size();
    if (at_ == shape_->echo().size()) {
      at_ = 0;
      return Item::kMessage;
    }
  }
  return Item::kNone;
}

// Whether `part`, which stands at at_, is as it was sent. The stamp may be any.
bool EchoReader::take_echo(Bytes part) {
  const std::size_t end = at_ + part.size();
  const auto is_as_sent = [&](std::size_t from, std::size_t to) {
    from = std::max(from, at_);
    to = std::min(to, end);
    return from >= to || std::memcmp(part.data() + (from - at_), shape_->echo().data() + from, to - from) == 0;
  };
  const std::size_t stamp = shape_->stamp_offset();
  const std::size_t behind_stamp = stamp + MessageShape::kStampSize;
  const std::size_t from = std::max(stamp, at_);
  const std::size_t to = std::min(behind_stamp, end);
  if (from < to) {
    std::memcpy(reinterpret_cast<std::uint8_t*>(&stamp_) + (from - stamp), part.data() + (from - at_), to - from);
  }
  return is_as_sent(0, stamp) && is_as_sent(behind_stamp, shape_->echo().size());
}

// Bytes of the frame at hand, as far as its header tells by now.
std::size_t EchoReader::other_wanted() const {
  if (other_.size() < kHeader) return kHeader;
  if (other_[1] != kLength16) return kHeader + other_[1];
  constexpr std::size_t kLongHeader = kHeader + 2;
  if (other_.size() < kLongHeader) return kLongHeader;
  return kLongHeader + (static_cast<std::size_t>(other_[2]) << 8 | other_[3]);
}

EchoReader::Item EchoReader::take_other(Bytes& input) {
  const bool was_reported = other_.size() >= kHeader && other_.size() == other_wanted();
  if (was_reported) {
    other_.clear();
    return Item::kNone;
  }
  other_.push_back(input[0]);
  input = input.subspan(1);
  if (other_.size() < kHeader) return Item::kNone;
  if (other_[1] > (other_[0] == kText ? kLength16 : kLongestPayload)) return Item::kBroken;
  if (other_.size() < other_wanted()) return Item::kNone;
  switch (other_[0]) {
    case kText: return Item::kText;
    case kPing: return Item::kPing;
    case kClose: return Item::kClose;
    default: return Item::kBroken;
  }
}

}  // namespace drover::bench
