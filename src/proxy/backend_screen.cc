// The state of a screen between reads. How a message of Drover's begins is read in migration/handoff_messages.cc.
#include "proxy/backend_screen.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "websocket/inflate.h"

namespace drover::proxy {

namespace {

using migration::kMostOpening;
using migration::Opening;
using migration::Verb;
using websocket::FrameHeader;
using websocket::Inflated;
using websocket::kFinBit;
using websocket::kOpcodeBits;
using websocket::kRsv1Bit;

// Deflate makes no text of any size longer than this, but blocks that hold nothing could go on for ever.
constexpr std::size_t kMostCompressedOpening = 2 * kMostOpening;
// With so many bytes of a text frame it is clear whose it is.
constexpr std::size_t kMostHeld = websocket::kMaxFrameHeader + kMostCompressedOpening;
// The name of `state` and white space.
constexpr std::size_t kAroundState = 64;

bool is_control(std::uint8_t first) {
  return (first & websocket::kControlBit) != 0;
}

// The first frame of a text message that may be Drover's.
bool may_be_ours(std::uint8_t first, BackendScreen::Compressed compressed) {
  if ((first & kOpcodeBits) != 1) return false;
  return (first & kRsv1Bit) == 0 || compressed == BackendScreen::Compressed::kMayBeOurs;
}

Bytes front_of(Bytes bytes, std::uint64_t most) {
  return bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), most)));
}

// Appends to what the step passes on; `piece` stands right behind that in the input.
void pass(Bytes piece, BackendScreen::Step& step) {
  step.pass = step.pass.empty() ? piece : Bytes(step.pass.data(), step.pass.size() + piece.size());
  step.consumed += piece.size();
}

}  // namespace

struct BackendScreen::Parts {
  std::string held;                       // the front of a text frame that may be Drover's
  std::string given;                      // what the last step gave out as `held`
  std::string message;                    // the payload of a `left`
  std::optional<std::string_view> state;  // in `message`
  bool too_large = false;
};

struct BackendScreen::Look {
  enum class What : std::uint8_t { kIllegal, kUnclear, kPasses, kOurs };
  What what;
  FrameHeader header{};
  Verb verb = Verb::kOther;
};

BackendScreen::BackendScreen(std::string_view key, std::size_t max_state) : max_state_(max_state) {
  assert(key.size() == key_.size());
  std::copy_n(key.begin(), std::min(key.size(), key_.size()), key_.begin());
}
BackendScreen::~BackendScreen() = default;

void BackendScreen::forget() {
  parts_.reset();
  remaining_ = 0;
  header_size_ = 0;
  mode_ = Mode::kWalks;
  message_ = Message::kNone;
}

std::optional<std::string_view> BackendScreen::state() const {
  return parts_ != nullptr ? parts_->state : std::nullopt;
}

bool BackendScreen::too_large() const {
  return parts_ != nullptr && parts_->too_large;
}

BackendScreen::Parts& BackendScreen::parts() {
  if (parts_ == nullptr) parts_ = std::make_unique<Parts>();
  return *parts_;
}

bool BackendScreen::holds_front() const {
  return parts_ != nullptr && !parts_->held.empty();
}

std::size_t BackendScreen::most_message() const {
  return kMostOpening + max_state_ + kAroundState;
}

// What depends on limits and extensions is left to the scanner.
websocket::HeaderRules BackendScreen::rules() const {
  return {.mask_bit = 0,
          .message = message_ == Message::kNone ? websocket::Message::kNone : websocket::Message::kUnfinished,
          .permessage_deflate = true,
          .budget = std::numeric_limits<std::uint64_t>::max()};
}

BackendScreen::Step BackendScreen::take(Bytes input, Compressed compressed) {
  Step step;
  if (message_ != Message::kOurs && !holds_front()) parts_.reset();
  while (mode_ != Mode::kBroken && step.stop == Stop::kInput && step.consumed < input.size()) {
    const Bytes rest = input.subspan(step.consumed);
    // `pass` is one piece: what may pass behind something that was taken out is for the next step.
    if (!step.pass.empty() && step.pass.data() + step.pass.size() != rest.data()) break;
    if (mode_ == Mode::kPassesAll) {
      pass(rest, step);
    } else if (remaining_ > 0) {
      take_payload(rest, step);
    } else {
      begin_frame(rest, compressed, step);
    }
  }
  if (mode_ == Mode::kBroken) {
    step.stop = Stop::kBroken;
    step.consumed = input.size();
  }
  return step;
}

void BackendScreen::take_payload(Bytes rest, Step& step) {
  const Bytes piece = front_of(rest, remaining_);
  remaining_ -= piece.size();
  if (!takes_out_) return pass(piece, step);
  step.consumed += piece.size();
  take_out(piece);
  if (remaining_ == 0) finish_frame(step);
}

// `rest` starts with a frame, or with what follows the front of one that came earlier.
void BackendScreen::begin_frame(Bytes rest, Compressed compressed, Step& step) {
  const std::size_t earlier = header_size_;
  if (holds_front() || (earlier == 0 && message_ == Message::kNone && may_be_ours(rest[0], compressed))) {
    return begin_text(rest, compressed, step);
  }
  std::array<std::uint8_t, websocket::kMaxFrameHeader> room{};
  Bytes front = rest;
  if (earlier > 0) {
    const Bytes added = front_of(rest, room.size() - earlier);
    std::ranges::copy(added, std::copy_n(header_.begin(), earlier, room.begin()));
    front = Bytes(room).first(earlier + added.size());
  }
  const FrameHeader header = read_frame_header(front, rules());
  if (header.fault != websocket::Fault::kNone) return refuse();
  const bool control = is_control(front[0]);
  takes_out_ = !control && message_ == Message::kOurs;
  if (header.size == 0) {  // so all of the rest is part of it, and there is room for it
    std::ranges::copy(front, header_.begin());
    header_size_ = front.size() & 0xfU;
    if (!takes_out_) return pass(rest, step);
    step.consumed += rest.size();
    return;
  }
  header_size_ = 0;
  last_ = (front[0] & kFinBit) != 0;
  if (!takes_out_) {
    if (!control) message_ = last_ ? Message::kNone : Message::kPasses;
    remaining_ = header.size - earlier + header.payload;
    return;
  }
  step.consumed += header.size - earlier;
  remaining_ = header.payload;
  if (remaining_ == 0) finish_frame(step);
}

// The same for a text frame that may be Drover's.
void BackendScreen::begin_text(Bytes rest, Compressed compressed, Step& step) {
  const std::size_t earlier = holds_front() ? parts_->held.size() : 0;
  Bytes front = rest;
  if (earlier > 0) {
    parts_->held.append(as_text(front_of(rest, kMostHeld - earlier)));
    front = as_bytes(parts_->held);
  }
  const Look look = look_at(front, compressed);
  if (look.what == Look::What::kUnclear) {
    if (earlier == 0) parts().held = as_text(rest);
    step.consumed += front.size() - earlier;
    return;
  }
  if (look.what == Look::What::kOurs) return begin_ours(front, earlier, look, step);
  const bool last = (front[0] & kFinBit) != 0;
  if (earlier > 0) {
    parts_->given = std::exchange(parts_->held, {});
    step.held = as_bytes(parts_->given).first(earlier);
  }
  if (look.what == Look::What::kIllegal) return refuse();
  takes_out_ = false;
  if (!last) message_ = Message::kPasses;
  remaining_ = look.header.size + look.header.payload - earlier;
}

// `front` has the whole opening, and `earlier` bytes of it are not in the input.
void BackendScreen::begin_ours(Bytes front, std::size_t earlier, const Look& look, Step& step) {
  const Bytes payload = front_of(front.subspan(look.header.size), look.header.payload);
  message_ = Message::kOurs;
  takes_out_ = true;
  last_ = (front[0] & kFinBit) != 0;
  inflates_ = (front[0] & kRsv1Bit) != 0;
  verb_ = look.verb;
  remaining_ = look.header.payload - payload.size();
  step.consumed += look.header.size + payload.size() - earlier;
  take_out(payload);
  if (earlier > 0) parts_->held.clear();  // `front` is in there
  if (remaining_ == 0) finish_frame(step);
}

// `front` is as much as there is of a text frame, or kMostHeld bytes of it or more.
BackendScreen::Look BackendScreen::look_at(Bytes front, Compressed compressed) const {
  const FrameHeader header = read_frame_header(front, rules());
  if (header.fault != websocket::Fault::kNone) return {.what = Look::What::kIllegal};
  if (header.size == 0) return {.what = Look::What::kUnclear};
  Opening opening;
  const Bytes payload = front_of(front.subspan(header.size), header.payload);
  if ((front[0] & kRsv1Bit) == 0) {
    opening = read_plain(payload);
  } else if (compressed == Compressed::kMayBeOurs) {
    opening = read_compressed(payload);
  }
  if (opening.what == Opening::What::kOurs) return {Look::What::kOurs, header, opening.verb};
  const bool whole = payload.size() == header.payload;  // the opening is in the first frame, or nowhere
  const bool unclear = opening.what == Opening::What::kUnclear && !whole;
  return {.what = unclear ? Look::What::kUnclear : Look::What::kPasses, .header = header};
}

Opening BackendScreen::read_plain(Bytes payload) const {
  const Bytes looked_at = front_of(payload, kMostOpening);
  const Opening opening = migration::read_opening(as_text(looked_at), {key_.data(), key_.size()});
  const bool over = looked_at.size() == kMostOpening;
  return opening.what == Opening::What::kUnclear && over ? Opening{} : opening;
}

// From its start each time: that happens only between `leave` and `left`, and a handful of times then.
Opening BackendScreen::read_compressed(Bytes payload) const {
  const Bytes looked_at = front_of(payload, kMostCompressedOpening);
  const Inflated inflated = websocket::inflate(looked_at, kMostOpening);
  const Opening opening = migration::read_opening(inflated.text, {key_.data(), key_.size()});
  const bool over = inflated.end != Inflated::End::kInput || looked_at.size() == kMostCompressedOpening;
  return opening.what == Opening::What::kUnclear && over ? Opening{} : opening;
}

// The other verbs have no more to say than their names.
void BackendScreen::take_out(Bytes payload) {
  if (verb_ != Verb::kLeft) return;
  Parts& all = parts();
  if (payload.size() > most_message() - all.message.size()) {
    all.too_large = true;
    all.message = std::string();
  }
  if (!all.too_large) all.message.append(as_text(payload));
}

void BackendScreen::finish_frame(Step& step) {
  if (!last_) return;
  message_ = Message::kNone;
  step.stop = Stop::kMessage;
  if (verb_ == Verb::kLeft && !too_large()) read_message();
}

void BackendScreen::read_message() {
  std::string& message = parts_->message;
  if (inflates_) {
    message.append(websocket::kDeflateTail);
    Inflated inflated = websocket::inflate(as_bytes(message), most_message() + 1);
    parts_->too_large = inflated.end == Inflated::End::kFull;
    if (parts_->too_large || inflated.end == Inflated::End::kBroken) return;
    message = std::move(inflated.text);
  }
  const auto state = migration::state_of(message, migration::read_opening(message, {key_.data(), key_.size()}).size);
  parts_->too_large = state && state->size() > max_state_;
  if (!parts_->too_large) parts_->state = state;
}

// In the middle of a message that it has not seen, the scanner would take what follows for something else.
void BackendScreen::refuse() {
  mode_ = message_ == Message::kOurs ? Mode::kBroken : Mode::kPassesAll;
}

}  // namespace drover::proxy
