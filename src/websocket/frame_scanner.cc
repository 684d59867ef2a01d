// The state of one direction between reads. The rules of a single header are in frame_header.h.
#include "websocket/frame_scanner.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace drover::websocket {
namespace {

constexpr std::size_t kMaxControlPayload = 125;                       // section 5.5
constexpr std::size_t kMaxControlFrame = 2 + 4 + kMaxControlPayload;  // with a masking key

// In the order of Fault.
constexpr std::array<Violation, 14> kViolations{{
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
    {CloseCode::kProtocolError, "Close frame with an illegal code"},
}};
static_assert(kViolations.size() == static_cast<std::size_t>(Fault::kCloseCode) + 1);

bool is_control(std::uint8_t first) {
  return (first & kControlBit) != 0;
}

// Byte `index` of the payload of a whole header's frame, section 5.3.
std::uint8_t unmasked_byte(Bytes frame, const FrameHeader& header, std::size_t index, std::uint8_t mask_bit) {
  const std::uint8_t byte = frame[header.size + index];
  if (mask_bit == 0) return byte;
  return static_cast<std::uint8_t>(byte ^ frame[header.size - 4U + index % 4]);
}

}  // namespace

struct FrameScanner::ControlBuffer {
  std::size_t collected = 0;  // bytes of the frame so far; 0 once `frame` is reported
  ControlFrame frame{};
  std::array<std::uint8_t, kMaxControlFrame> bytes{};
  std::array<std::uint8_t, kMaxControlPayload> payload{};
};

FrameScanner::FrameScanner(Sender sender) : mask_bit_(sender == Sender::kClient ? kMaskBit : std::uint8_t{0}) {}
FrameScanner::~FrameScanner() = default;

const ControlFrame& FrameScanner::control() const {
  assert(control_ != nullptr && control_->collected == 0);
  return control_->frame;
}

const Violation& FrameScanner::violation() const {
  assert(fault_ != Fault::kNone);
  return kViolations[static_cast<std::size_t>(fault_)];
}

FrameScanner::Step FrameScanner::scan(Bytes input, const ScanLimits& limits) {
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
    at = complete_held_header(input, limits, step);
    if (step.head.empty()) return step;
  }
  walk_frames(input, at, limits, step);
  return step;
}

// Returns how many bytes of the input the header took. On return step.head is empty if there is nothing to pass on:
// the header is still cut short, or it is illegal.
std::size_t FrameScanner::complete_held_header(Bytes input, const ScanLimits& limits, Step& step) {
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
    held_size_ = static_cast<std::uint8_t>(held_size_ + added);
    step.consumed = added;
    return 0;
  }
  head_ = held_;
  step.head = Bytes(head_).first(held_size_);
  held_size_ = 0;
  pass_header(bytes[0], header.payload);
  remaining_ = header.payload;
  return header.size - step.head.size();
}

// Goes through the input from `at`, which stands behind a header or where the scanner has left off.
void FrameScanner::walk_frames(Bytes input, std::size_t at, const ScanLimits& limits, Step& step) {
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
    if (!inside_message_) step.message_boundary = step.frame_boundary;
    left_over = input.subspan(at);
    if (left_over.empty() || is_control(left_over[0])) break;
    const FrameHeader header = read_frame_header(left_over, rules);
    if (header.fault != Fault::kNone) {
      refuse(header.fault, step);
      break;
    }
    if (header.size == 0) break;
    pass_header(left_over[0], header.payload);
    if (rules.inside_message || inside_message_) rules = rules_of(limits);  // fragments alone change them
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
  held_size_ = static_cast<std::uint8_t>(left_over.size());
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
  if (control_ == nullptr) control_ = std::make_unique<ControlBuffer>();

  const std::size_t whole = header.size + static_cast<std::size_t>(header.payload);
  if (header.size == 0 || frame.size() < whole) {
    if (earlier == 0) std::ranges::copy(frame, control_->bytes.begin());
    control_->collected = frame.size();
    step.consumed += input.size();
    return;
  }
  const std::size_t length = whole - header.size;
  for (std::size_t i = 0; i < length; ++i) control_->payload[i] = unmasked_byte(frame, header, i, mask_bit_);
  control_->frame = {static_cast<Opcode>(frame[0] & kOpcodeBits), frame.first(whole),
                     Bytes(control_->payload).first(length)};
  control_->collected = 0;
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
  const unsigned high = unmasked_byte(frame, header, 0, mask_bit_);
  const unsigned low = unmasked_byte(frame, header, 1, mask_bit_);
  if (!may_be_sent(static_cast<std::uint16_t>(high << 8 | low))) header.fault = Fault::kCloseCode;
  return header;
}

HeaderRules FrameScanner::rules_of(const ScanLimits& limits) const {
  const std::uint64_t most = limits.max_message_size;
  return {.mask_bit = mask_bit_,
          .inside_message = inside_message_,
          .permessage_deflate = limits.permessage_deflate,
          .budget = most == 0 ? std::numeric_limits<std::uint64_t>::max() : most - std::min(most, message_size_)};
}

void FrameScanner::pass_header(std::uint8_t first, std::uint64_t payload) {
  inside_message_ = (first & kFinBit) == 0;
  if (inside_message_) {
    message_size_ += payload;
  } else {
    message_size_ = 0;
    ++messages_;
  }
}

void FrameScanner::refuse(Fault fault, Step& step) {
  fault_ = fault;
  step.stop = Stop::kViolation;
}

}  // namespace drover::websocket
