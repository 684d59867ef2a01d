// The data path: no allocation, no copy, no lock, no log line a message.
#include "proxy/relay.h"

#include <array>

namespace drover::proxy {

namespace {

// Collects what goes out in one write. Neighbours become one piece, so a chunk without surprises is one piece.
class Gather {
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
  void flush() {
    if (count_ > 0) sink_.write(std::span<const Bytes>(pieces_.data(), count_));
    count_ = 0;
  }
  std::size_t size() const { return size_; }  // bytes added

 private:
  net::ByteStream& sink_;
  std::array<Bytes, 8> pieces_;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

bool lies_in(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

using websocket::CloseCode;
using websocket::FrameScanner;
using websocket::Opcode;
using websocket::Sender;
using websocket::Towards;

Relay::Relay(Sender sender)
    : scanner_(sender), towards_(sender == Sender::kClient ? Towards::kBackend : Towards::kClient) {}

Relay::Event Relay::feed(Bytes input, net::ByteStream& sink, const websocket::ScanLimits& limits) {
  if (output_ == Output::kEnded) return Event::kNone;
  const Bytes whole = input;
  Gather out(sink);
  Event event = Event::kNone;
  FrameScanner::Step step;
  do {
    step = scanner_.scan(input, limits);
    if (output_ == Output::kCloseWanted && step.frame_boundary != FrameScanner::kNone) {
      const std::size_t from_head = std::min(step.head.size(), step.frame_boundary);
      out.add(step.head.first(from_head));
      out.add(step.body.first(step.frame_boundary - from_head));
      out.flush();
      write_close(sink, wanted_code_, wanted_reason_);
      event = Event::kCloseSent;
      break;
    }
    out.add(step.head);
    out.add(step.body);
    bool held = !step.head.empty();  // such bytes are gone with the next scan
    if (step.stop == FrameScanner::Stop::kControl) {
      const auto& control = step.control;
      out.add(control.bytes);
      held = held || !lies_in(control.bytes, whole);
      if (control.opcode == Opcode::kClose) {
        websocket::ControlPayload room;
        note_close(control.payload(room));
        event = Event::kClosePassed;
        break;
      }
    } else if (step.stop == FrameScanner::Stop::kViolation) {
      event = Event::kViolation;
      break;
    }
    if (held) out.flush();
    input = input.subspan(step.consumed);
  } while (step.stop == FrameScanner::Stop::kControl);
  out.flush();
  bytes_ += out.size();
  if (event == Event::kClosePassed) output_ = Output::kEnded;
  return event;
}

void Relay::note_close(Bytes payload) {
  constexpr std::uint16_t kNoCode = 1005;  // RFC 6455 section 7.1.5
  close_code_ = payload.size() < 2 ? kNoCode : static_cast<std::uint16_t>((payload[0] << 8) | payload[1]);
}

void Relay::write_close(net::ByteStream& sink, CloseCode code, const char* reason) {
  sink.write(websocket::make_close(towards_, code, reason));
  output_ = Output::kEnded;
}

bool Relay::send_close(CloseCode code, const char* reason, net::ByteStream& sink) {
  if (output_ != Output::kOpen) return false;
  if (scanner_.at_frame_boundary()) {
    write_close(sink, code, reason);
    return true;
  }
  wanted_code_ = code;
  wanted_reason_ = reason;
  output_ = Output::kCloseWanted;
  return false;
}

void Relay::abandon(CloseCode code, const char* reason, net::ByteStream& sink) {
  if (output_ == Output::kOpen && scanner_.at_frame_boundary()) write_close(sink, code, reason);
  output_ = Output::kEnded;
}

}  // namespace drover::proxy
