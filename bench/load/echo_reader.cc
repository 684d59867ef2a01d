// An echo may come in any pieces; control frames only between echoes, since the backend does not fragment.
#include "bench/load/echo_reader.h"

#include <algorithm>
#include <cstring>

namespace drover::bench {

namespace {

constexpr std::uint8_t kControlBit = 0x08;
constexpr std::uint8_t kClose = 0x88;  // FIN and the opcode
constexpr std::uint8_t kPing = 0x89;
constexpr std::size_t kLongestPayload = 125;  // RFC 6455 section 5.5

}  // namespace

EchoReader::Item EchoReader::next(Bytes& input) {
  while (!input.empty()) {
    const bool control = at_ == 0 && (!control_.empty() || (input[0] & kControlBit) != 0);
    if (control) {
      const Item item = take_control(input);
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

EchoReader::Item EchoReader::take_control(Bytes& input) {
  const bool was_reported = control_.size() >= kControlHeader && control_.size() == kControlHeader + control_[1];
  if (was_reported) {
    control_.clear();
    return Item::kNone;
  }
  control_.push_back(input[0]);
  input = input.subspan(1);
  if (control_.size() < kControlHeader) return Item::kNone;
  if (control_[1] > kLongestPayload) return Item::kBroken;
  if (control_.size() < kControlHeader + control_[1]) return Item::kNone;
  if (control_[0] == kPing) return Item::kPing;
  return control_[0] == kClose ? Item::kClose : Item::kBroken;
}

}  // namespace drover::bench
