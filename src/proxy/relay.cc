// The data path: no allocation, no copy, no lock, no log line a message.
#include "proxy/relay.h"

#include <algorithm>
#include <array>

namespace drover::proxy {

using websocket::CloseCode;
using websocket::FrameScanner;
using websocket::Opcode;
using websocket::Sender;
using websocket::Towards;

namespace {

bool lies_in(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

bool is_control(Opcode opcode) {
  return opcode >= Opcode::kClose;
}

// Of a Close frame.
std::uint16_t code_of(Bytes payload) {
  constexpr std::uint16_t kNoCode = 1005;  // RFC 6455 section 7.1.5
  return payload.size() < 2 ? kNoCode : static_cast<std::uint16_t>((payload[0] << 8) | payload[1]);
}

// A frame of Drover's own. Nothing follows its Close.
void write_own(Opcode opcode, Bytes frame, net::ByteStream& sink) {
  if (opcode == Opcode::kClose) return sink.write_last(frame);
  sink.write(frame);
}

}  // namespace

// Collects what goes out in one write. Neighbours become one piece, so a chunk without surprises is one piece.
class Relay::Gather {
 public:
  explicit Gather(net::ByteStream& sink) : sink_(sink) {}
  void add(Bytes piece) {
    if (piece.empty()) return;
    size_ += piece.size();
    if (count_ > 0 && pieces_[count_ - 1].data() + pieces_[count_ - 1].size() == piece.data()) {
      pieces_[count_ - 1] = {pieces_[count_ - 1].data(), pieces_[count_ - 1].size() + piece.size()};
      return;
    }
    if (count_ == pieces_.size()) flush();
    pieces_[count_++] = piece;
  }
  // A frame of Drover's own: it is not counted, and its memory is not kept.
  void put_in(Opcode opcode, Bytes frame) {
    flush();
    write_own(opcode, frame, sink_);
  }
  void flush() {
    if (count_ > 0) sink_.write(std::span<const Bytes>(pieces_.data(), count_));
    count_ = 0;
  }
  void flush_last() {
    sink_.write_last(std::span<const Bytes>(pieces_.data(), count_));
    count_ = 0;
  }
  std::size_t size() const { return size_; }  // bytes added

 private:
  net::ByteStream& sink_;
  std::array<Bytes, 8> pieces_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

Relay::Relay(Sender sender)
    : scanner_(sender), towards_(sender == Sender::kClient ? Towards::kBackend : Towards::kClient) {}

Relay::Event Relay::feed(Bytes input, net::ByteStream& sink, const websocket::ScanLimits& limits, MessageTally& tally,
                         Observer& observer) {
  if (output_ != Output::kOpen) [[unlikely]] {
    if (output_ == Output::kEnded) return Event::kNone;
    // Drover's Close goes behind this frame: what comes then is passed on to nobody, and so is not scanned and counted.
    input = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), scanner_.frame_rest())));
  }
  FrameScanner::Step step = scanner_.scan(input, limits, tally);
  // Nearly every read: data frames, and nothing of Drover's own to put in.
  if (step.stop == FrameScanner::Stop::kInput && step.head.empty() && waiting_ == nullptr) [[likely]] {
    if (!step.body.empty()) sink.write(step.body);
    bytes_ += step.body.size();
    return Event::kNone;
  }
  return feed_rest(input, step, sink, limits, tally, observer);
}

// All else. `step` is what the scanner made of `input` so far.
Relay::Event Relay::feed_rest(Bytes input, FrameScanner::Step& step, net::ByteStream& sink,
                              const websocket::ScanLimits& limits, MessageTally& tally, Observer& observer) {
  const Bytes whole = input;
  Gather out(sink);
  Event event = Event::kNone;
  for (;;) {
    pass(step, out, observer);
    bool held = !step.head.empty();  // such bytes are gone with the next scan
    if (output_ == Output::kEnded) {
      event = Event::kCloseSent;
    } else if (step.stop == FrameScanner::Stop::kViolation) {
      event = Event::kViolation;
    } else if (step.stop == FrameScanner::Stop::kControl) {
      event = on_control(step.control, out, observer);
      held = held || !lies_in(step.control.bytes, whole);
    }
    if (event != Event::kNone || step.stop != FrameScanner::Stop::kControl) break;
    if (held) out.flush();
    input = input.subspan(step.consumed);
    step = scanner_.scan(input, limits, tally);
  }
  if (event == Event::kClosePassed && observer.ends_with_close(*this)) {
    out.flush_last();
  } else {
    out.flush();
  }
  bytes_ += out.size();
  return event;
}

// Head and body of a step, with what waits put in at the last places where it may stand.
void Relay::pass(const FrameScanner::Step& step, Gather& out, Observer& observer) {
  std::size_t passed = 0;
  const auto pass_up_to = [&](std::size_t end) {
    const std::size_t head = step.head.size();
    if (passed < head) out.add(step.head.subspan(passed, std::min(head, end) - passed));
    if (end > head) out.add(step.body.subspan(std::max(passed, head) - head, end - std::max(passed, head)));
    passed = end;
  };
  if (waiting_ != nullptr && step.message_boundary != FrameScanner::kNone) [[unlikely]] {
    pass_up_to(step.message_boundary);
    let_in(Place::kBetweenMessages, out, observer);
  }
  if (waiting_ != nullptr && step.frame_boundary != FrameScanner::kNone) [[unlikely]] {
    pass_up_to(step.frame_boundary);
    let_in(Place::kBetweenFrames, out, observer);
  }
  if (output_ != Output::kEnded) pass_up_to(step.head.size() + step.body.size());
}

void Relay::let_in(Place place, Gather& out, Observer& observer) {
  const auto goes_in = [&](const Waiting& each) {
    if (output_ == Output::kEnded || (place == Place::kBetweenFrames && !is_control(each.opcode))) return false;
    out.put_in(each.opcode, each.frame);
    if (each.opcode == Opcode::kPing) observer.on_ping_injected(*this);
    if (each.opcode == Opcode::kClose) output_ = Output::kEnded;
    return true;
  };
  std::erase_if(*waiting_, goes_in);  // in order, each once
  if (waiting_->empty() || output_ == Output::kEnded) waiting_ = nullptr;
}

Relay::Event Relay::on_control(const websocket::ControlFrame& control, Gather& out, Observer& observer) {
  websocket::ControlPayload room;
  if (control.opcode == Opcode::kPong && observer.takes_pong(*this, control.payload(room))) return Event::kNone;
  if (control.opcode == Opcode::kClose) {
    const std::uint16_t code = code_of(control.payload(room));
    if (observer.takes_close(*this, code)) return Event::kCloseTaken;
    out.add(control.bytes);
    close_code_ = code;
    discard();
    return Event::kClosePassed;
  }
  out.add(control.bytes);
  if (control.opcode == Opcode::kPing) observer.on_ping_passed(*this, control);
  return Event::kNone;
}

Relay::Injected Relay::inject(Opcode opcode, Bytes payload, net::ByteStream& sink) {
  if (output_ != Output::kOpen) return Injected::kDropped;
  return put(opcode, websocket::make_frame(towards_, opcode, payload), sink);
}

Relay::Injected Relay::inject_close(CloseCode code, const char* reason, net::ByteStream& sink) {
  if (output_ != Output::kOpen) return Injected::kDropped;
  output_ = Output::kCloseWanted;
  const Injected injected = put(Opcode::kClose, websocket::make_close(towards_, code, reason), sink);
  if (injected != Injected::kWaiting) discard();
  return injected;
}

// Now where it may stand here, else with those that wait.
Relay::Injected Relay::put(Opcode opcode, std::vector<std::uint8_t> frame, net::ByteStream& sink) {
  if (frame.empty()) return Injected::kDropped;
  const bool here = is_control(opcode) ? scanner_.at_frame_boundary() : scanner_.at_message_boundary();
  if (here) {  // then nothing of its kind waits: feed() has put it in
    write_own(opcode, frame, sink);
    return Injected::kSent;
  }
  if (waiting_ == nullptr) waiting_ = std::make_unique<std::vector<Waiting>>();
  waiting_->push_back({opcode, std::move(frame)});
  return Injected::kWaiting;
}

void Relay::abandon(CloseCode code, const char* reason, net::ByteStream& sink) {
  if (output_ == Output::kOpen && scanner_.at_frame_boundary()) inject_close(code, reason, sink);
  discard();
}

void Relay::restart() {
  scanner_.restart();
  waiting_ = nullptr;
}

void Relay::discard() {
  output_ = Output::kEnded;
  waiting_ = nullptr;
}

}  // namespace drover::proxy
