// The state of one direction between reads. The rules of a single header are in frame_header.h.
#include "websocket/frame_scanner.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <tuple>

namespace drover::websocket {
namespace {

constexpr std::size_t kMaskingKey = 4;  // section 5.2
constexpr std::size_t kMaxControlFrame = 2 + kMaskingKey + std::tuple_size_v<ControlPayload>;

// In the order of Fault.
constexpr std::array<Violation, 15> kViolations{{
    {CloseCode::kProtocolError, "no violation"},
    {CloseCode::kProtocolError, "reserved bit without an extension that owns it"},
    {CloseCode::kProtocolError, "reserved opcode"},
    {CloseCode::kProtocolError, "fragmented control frame"},
    {CloseCode::kProtocolError, "continuation frame outside a message"},
    {CloseCode::kProtocolError, "new message inside a fragmented one"},
    {CloseCode::kProtocolError, "unmasked frame from the client"},
    {CloseCode::kProtocolError, "masked frame from the backend"},
    {CloseCode::kProtocolError, "control frame over 125 bytes"},
    {CloseCode::kProtocolError, "Close frame with one byte of payload"},
    {CloseCode::kProtocolError, "payload length not in its shortest form"},
    {CloseCode::kProtocolError, "payload length with the top bit set"},
    {CloseCode::kTooBig, "message too big"},
    {CloseCode::kPolicyViolation, "message of too many fragments"},
    {CloseCode::kProtocolError, "Close frame with an illegal code"},
}};
static_assert(kViolations.size() == static_cast<std::size_t>(Fault::kCloseCode) + 1);

bool is_control(std::uint8_t first) {
  return (first & kControlBit) != 0;
}

// Of the first frame of a data message: its opcode is 1 or 2.
MessageTally::Kind kind_of(std::uint8_t first) {
  return static_cast<MessageTally::Kind>((first >> 1U) & 1U);
}

// Byte `index` of the payload of a control frame whose header is whole, section 5.3.
std::uint8_t unmasked_byte(Bytes frame, std::size_t index) {
  const bool masked = (frame[1] & kMaskBit) != 0;
  if (!masked) return frame[2 + index];
  return static_cast<std::uint8_t>(frame[2 + kMaskingKey + index] ^ frame[2 + index % kMaskingKey]);
}

}  // namespace

Bytes ControlFrame::payload(ControlPayload& room) const {
  const std::size_t size = bytes[1] & kLengthBits;
  for (std::size_t i = 0; i < size; ++i) room[i] = unmasked_byte(bytes, i);
  return Bytes(room).first(size);
}

struct FrameScanner::ControlBuffer {
  std::size_t collected = 0;  // bytes of the frame so far; 0 once it has been reported
  std::array<std::uint8_t, kMaxControlFrame> bytes{};
};

FrameScanner::FrameScanner(Sender sender) : sender_(sender) {}
FrameScanner::~FrameScanner() = default;

void FrameScanner::restart() {
  assert(at_message_boundary());
  control_.reset();
  held_size_ = 0;
}

const Violation& FrameScanner::violation() const {
  assert(fault_ != Fault::kNone);
  return kViolations[static_cast<std::size_t>(fault_)];
}

// A message of one frame, nearly every one, is counted where it is met.
inline void FrameScanner::pass_header(std::uint8_t first, std::uint64_t payload, MessageTally& tally) {
  if ((first & kFinBit) == 0 || fragments_ != 0) [[unlikely]]
    return pass_fragment(first, payload, tally);
  ++messages_;
  tally.add(kind_of(first), payload);
}

void FrameScanner::pass_fragment(std::uint8_t first, std::uint64_t payload, MessageTally& tally) {
  if ((first & kFinBit) != 0) {
    ++messages_;
    tally.add(kind_, message_size_ + payload);
    message_size_ = 0;
    fragments_ = 0;
  } else {
    if (fragments_ == 0) kind_ = kind_of(first);
    message_size_ += payload;
    if (fragments_ < std::numeric_limits<std::uint32_t>::max()) ++fragments_;  // 0 would be no message
  }
}

FrameScanner::Step FrameScanner::scan(Bytes input, const ScanLimits& limits, MessageTally& tally) {
  Step step;
  if (at_frame_boundary()) step.frame_boundary = 0;
  if (at_message_boundary()) step.message_boundary = 0;
  if (fault_ != Fault::kNone) {
    step.stop = Stop::kViolation;
    return step;
  }
  if (control_ != nullptr && control_->collected == 0) control_.reset();
  if (input.empty()) return step;
  if (control_ != nullptr) {
    scan_control(input, limits, step);
    return step;
  }
  std::size_t at = 0;
  if (held_size_ > 0) {
    at = complete_held_header(input, limits, tally, step);
    if (step.head.empty()) return step;
  }
  walk_frames(input, at, limits, tally, step);
  return step;
}

// Returns how many bytes of the input the header took. On return step.head is empty if there is nothing to pass on:
// the header is still cut short, or it is illegal.
std::size_t FrameScanner::complete_held_header(Bytes input, const ScanLimits& limits, MessageTally& tally, Step& step) {
  std::array<std::uint8_t, kMaxFrameHeader> bytes{};
  std::copy_n(held_.begin(), held_size_, bytes.begin());
  const std::size_t added = std::min(bytes.size() - held_size_, input.size());
  std::copy_n(input.begin(), added, bytes.begin() + held_size_);
  const FrameHeader header = examine_frame_header(Bytes(bytes).first(held_size_ + added), rules_of(limits));
  if (header.fault != Fault::kNone) {
    refuse(header.fault, step);
    return 0;
  }
  if (header.size == 0) {  // so all of the input is in `bytes`, and there is room for it
    std::copy_n(input.begin(), added, held_.begin() + held_size_);
    held_size_ = (held_size_ + added) & 0xfU;
    step.consumed = added;
    return 0;
  }
  head_ = held_;
  step.head = Bytes(head_).first(held_size_);
  held_size_ = 0;
  pass_header(bytes[0], header.payload, tally);
  remaining_ = header.payload;
  return header.size - step.head.size();
}

// Goes through the input from `at`, which stands behind a header or where the scanner has left off.
void FrameScanner::walk_frames(Bytes input, std::size_t at, const ScanLimits& limits, MessageTally& tally, Step& step) {
  // Locals, so that one frame's length reaches the next one's address in a register: this chain is the loop's time.
  std::uint64_t remaining = remaining_;
  HeaderRules rules = rules_of(limits);
  Bytes left_over;
  for (;;) {
    if (remaining > input.size() - at) {
      remaining -= input.size() - at;
      at = input.size();
      break;
    }
    at += static_cast<std::size_t>(remaining);
    remaining = 0;
    step.frame_boundary = step.head.size() + at;
    if (fragments_ == 0) step.message_boundary = step.frame_boundary;
    left_over = input.subspan(at);
    if (left_over.empty() || is_control(left_over[0])) break;
    const FrameHeader header = read_frame_header(left_over, rules);
    if (header.fault != Fault::kNone) {
      refuse(header.fault, step);
      break;
    }
    if (header.size == 0) break;
    pass_header(left_over[0], header.payload, tally);
    if (rules.message != Message::kNone || fragments_ > 0) rules = rules_of(limits);  // fragments alone change them
    remaining = header.payload;
    at += header.size;
    left_over = {};
  }
  remaining_ = remaining;
  step.body = input.first(at);
  step.consumed = at;
  if (left_over.empty() || step.stop == Stop::kViolation) return;
  if (is_control(left_over[0])) {
    scan_control(left_over, limits, step);
    return;
  }
  std::ranges::copy(left_over, held_.begin());
  held_size_ = left_over.size() & 0xfU;  // at most 13
  step.consumed = input.size();
}

// `input` starts with a control frame, or with what follows the bytes that have been collected of one.
void FrameScanner::scan_control(Bytes input, const ScanLimits& limits, Step& step) {
  const std::size_t earlier = control_ != nullptr ? control_->collected : 0;
  Bytes frame = input;
  if (control_ != nullptr) {
    const std::size_t added = std::min(kMaxControlFrame - earlier, input.size());
    std::copy_n(input.begin(), added, control_->bytes.begin() + static_cast<std::ptrdiff_t>(earlier));
    frame = Bytes(control_->bytes).first(earlier + added);
  }
  const FrameHeader header = examine_control(frame, limits);
  if (header.fault != Fault::kNone) {
    refuse(header.fault, step);
    return;
  }
  const std::size_t whole = header.size + static_cast<std::size_t>(header.payload);
  if (header.size == 0 || frame.size() < whole) {
    if (control_ == nullptr) {
      control_ = std::make_unique<ControlBuffer>();
      std::ranges::copy(frame, control_->bytes.begin());
    }
    control_->collected = frame.size();
    step.consumed += input.size();
    return;
  }
  if (control_ != nullptr) control_->collected = 0;
  step.control = {static_cast<Opcode>(frame[0] & kOpcodeBits), frame.first(whole)};
  step.consumed += whole - earlier;
  step.stop = Stop::kControl;
}

// As examine_frame_header(), and a Close frame's code as soon as it is there (section 7.4).
FrameHeader FrameScanner::examine_control(Bytes frame, const ScanLimits& limits) const {
  FrameHeader header = examine_frame_header(frame, rules_of(limits));
  const bool has_code = header.fault == Fault::kNone && header.size > 0 && header.payload >= 2 &&
                        static_cast<Opcode>(frame[0] & kOpcodeBits) == Opcode::kClose &&
                        frame.size() >= header.size + 2U;
  if (!has_code) return header;
  const unsigned high = unmasked_byte(frame, 0);
  const unsigned low = unmasked_byte(frame, 1);
  if (!may_be_sent(static_cast<std::uint16_t>(high << 8 | low))) header.fault = Fault::kCloseCode;
  return header;
}

HeaderRules FrameScanner::rules_of(const ScanLimits& limits) const {
  const std::uint64_t most = limits.max_message_size;
  const bool full = limits.max_fragments != 0 && fragments_ >= limits.max_fragments;
  return {.mask_bit = sender_ == Sender::kClient ? kMaskBit : std::uint8_t{0},
          .message = fragments_ == 0 ? Message::kNone
                     : full          ? Message::kFull
                                     : Message::kUnfinished,
          .permessage_deflate = limits.permessage_deflate,
          .budget = most == 0 ? std::numeric_limits<std::uint64_t>::max() : most - std::min(most, message_size_)};
}

void FrameScanner::refuse(Fault fault, Step& step) {
  fault_ = fault;
  step.stop = Stop::kViolation;
}

}  // namespace drover::websocket
