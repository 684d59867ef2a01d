// What one direction of a tunnel may put out, told from what went in, with a frame reader of its own that goes byte by
// byte: the sender's legal frames, but for answers to Drover's own pings, with whole frames of Drover's own between
// them. For the tunnel fuzzer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "require.h"
#include "websocket/close_code.h"
#include "websocket/frame_scanner.h"

namespace drover::proxy::fuzz {

using websocket::Opcode;
using websocket::Sender;

struct Frame {
  bool fin = false;
  unsigned rsv = 0;
  Opcode opcode{};
  bool masked = false;
  std::uint64_t length = 0;  // of the payload
  std::size_t header = 0;    // bytes
  bool is_control() const { return opcode >= Opcode::kClose; }
};

inline unsigned byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

// The header at the front of `bytes`, legal or not; none: it is cut short.
inline std::optional<Frame> header_of(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const unsigned short_length = byte_at(bytes, 1) & 0x7f;
  const std::size_t width = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
  Frame frame{.fin = (byte_at(bytes, 0) & 0x80) != 0,
              .rsv = byte_at(bytes, 0) >> 4 & 7,
              .opcode = static_cast<Opcode>(byte_at(bytes, 0) & 0xf),
              .masked = (byte_at(bytes, 1) & 0x80) != 0,
              .length = width == 0 ? short_length : 0};
  frame.header = 2 + width + (frame.masked ? 4 : 0);
  if (bytes.size() < frame.header) return std::nullopt;
  for (std::size_t i = 0; i < width; ++i) frame.length = frame.length << 8 | byte_at(bytes, 2 + i);
  return frame;
}

inline std::string payload_of(const Frame& frame, std::string_view bytes) {
  std::string payload(bytes.substr(frame.header, static_cast<std::size_t>(frame.length)));
  if (!frame.masked) return payload;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>(byte_at(payload, i) ^ byte_at(bytes, frame.header - 4 + i % 4));
  }
  return payload;
}

// The code in a Close frame's payload; 0: it has none.
inline unsigned close_code_of(std::string_view payload) {
  return payload.size() < 2 ? 0 : byte_at(payload, 0) << 8 | byte_at(payload, 1);
}

class FrameReader {
 public:
  FrameReader(Sender sender, const websocket::ScanLimits& limits)
      : masked_(sender == Sender::kClient), limits_(limits) {}

  enum class Found : std::uint8_t { kNothing, kHeader, kPayload, kControl, kIllegal };
  Found take(char byte) {
    if (remaining_ > 0) {
      --remaining_;
      return Found::kPayload;
    }
    if (done_) bytes_.clear();
    done_ = false;
    bytes_.push_back(byte);
    const auto header = header_of(bytes_);
    if (!header) return Found::kNothing;
    frame_ = *header;
    if (!is_legal()) return Found::kIllegal;
    if (frame_.is_control() && bytes_.size() < frame_.header + frame_.length) return Found::kNothing;
    done_ = true;
    if (frame_.is_control()) {
      const unsigned code = close_code_of(payload());
      const bool refused = frame_.opcode == Opcode::kClose && frame_.length > 0 && !is_close_code(code);
      return refused ? Found::kIllegal : Found::kControl;
    }
    remaining_ = frame_.length;
    fragments_ = frame_.fin ? 0 : fragments_ + 1;
    message_ = frame_.fin ? 0 : message_ + frame_.length;
    return Found::kHeader;
  }
  const Frame& frame() const { return frame_; }
  // At kHeader and kControl: the header, or the whole control frame.
  const std::string& bytes() const { return bytes_; }
  std::string payload() const { return payload_of(frame_, bytes_); }

 private:
  static bool is_close_code(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
  }
  bool is_legal() const {  // RFC 6455 section 5
    const std::size_t width = frame_.header - 2 - (frame_.masked ? 4 : 0);
    const bool minimal = width == 0 || (width == 2 ? frame_.length >= 126 : frame_.length >= 65536);
    if (frame_.masked != masked_ || !minimal || frame_.length >> 63 != 0) return false;
    if (frame_.is_control()) return frame_.fin && frame_.rsv == 0 && frame_.opcode <= Opcode::kPong && width == 0;
    if (frame_.opcode > Opcode::kBinary) return false;
    if ((frame_.opcode == Opcode::kContinuation) != (fragments_ > 0)) return false;
    if (frame_.rsv != 0 && !(frame_.rsv == 4 && limits_.permessage_deflate && fragments_ == 0)) return false;
    if (limits_.max_message_size > 0 && frame_.length > limits_.max_message_size - message_) return false;
    return limits_.max_fragments == 0 || fragments_ < limits_.max_fragments;
  }

  const bool masked_;
  const websocket::ScanLimits limits_;
  std::string bytes_;
  Frame frame_;
  std::uint64_t remaining_ = 0;
  std::uint64_t message_ = 0;
  std::uint64_t fragments_ = 0;
  bool done_ = false;
};

// The pings of Drover's own to one side: a random tag and a number that grows (proxy/pulse.cc).
struct OwnPings {
  std::string tag;
  std::uint32_t sent = 0, answered = 0;

  static std::uint32_t number_of(std::string_view payload) {
    return byte_at(payload, 4) | byte_at(payload, 5) << 8 | byte_at(payload, 6) << 16 | byte_at(payload, 7) << 24;
  }
  void note(std::string_view payload) {
    REQUIRE(sent == 0 || tag == payload.substr(0, 4));
    REQUIRE(number_of(payload) == sent + 1);
    tag = payload.substr(0, 4);
    ++sent;
  }
  // A Pong answers all pings up to its own, each once.
  bool takes(std::string_view pong) {
    if (sent == 0 || pong.size() != 8 || !pong.starts_with(tag)) return false;
    const std::uint32_t number = number_of(pong);
    if (number <= answered || number > sent) return false;
    answered = number;
    return true;
  }
};

class Direction {
 public:
  // `nonce` starts the payload of every frame that the fuzzer injects, and stands nowhere in its input.
  Direction(Sender sender, const websocket::ScanLimits& limits, std::string nonce)
      : masked_(sender == Sender::kClient),
        limits_(limits),
        nonce_(std::move(nonce)),
        reader_(sender, limits),
        reference_(sender) {}

  // Bytes of the sender's that Drover is about to read.
  void accept(std::string_view chunk, OwnPings& to_sender) {
    if (over || passed_close_ || violation) return;
    for (const char byte : chunk) {
      if (passed_close_ || illegal_) break;
      accept(byte, to_sender);
    }
    scan(chunk);
    if (illegal_) REQUIRE(passed_close_ || violation);
  }
  // What the receiver was given since the last time.
  void match(std::string_view output) {
    crossed_frame_ = crossed_message_ = false;
    while (!output.empty()) {
      REQUIRE(!over);  // nothing behind a Close
      const std::size_t own = at_frame_boundary() ? match_own(output) : 0;
      output.remove_prefix(own > 0 ? own : match_senders(output));
    }
  }
  bool at_frame_boundary() const { return matched_ == (next_ == 0 ? 0 : marks_[next_ - 1].end); }
  bool at_message_boundary() const { return at_frame_boundary() && !in_message_; }
  std::size_t matched() const { return matched_; }
  std::size_t own_bytes() const { return own_bytes_; }

  // Drover owes the receiver a Close with this code at the end of a frame.
  void owe_close(unsigned code) {
    if (!over && !due) due = code;
  }
  // As well, but at once or never: the sender is gone.
  void owe_last_words(unsigned code) {
    if (over) return;
    ending_ = due ? Ending::kCut : Ending::kWhole;
    owe_close(code);
  }
  // After match().
  void settle() {
    if (failed) return;
    if (ending_ == Ending::kWhole) REQUIRE(matched_ == passable_.size());
    if (ending_ != Ending::kNone && !over) {
      REQUIRE(!at_frame_boundary());
      over = true;
    }
    if (!over) check_complete();
  }
  enum class Kind : std::uint8_t { kControl, kData };
  void expect(Kind kind, std::string payload) { waiting_.emplace_back(kind, std::move(payload)); }
  bool waits(Kind kind) const {
    return std::ranges::any_of(waiting_, [kind](const auto& each) { return each.first == kind; });
  }

  OwnPings pings;             // to the receiver
  bool foreign_ping = false;  // the sender's, and the receiver has not said a thing since
  bool spared = false;        // from pings of Drover's own, for that reason
  // The sender's Close was passed on, or would have been, had the receiver's connection not been dead.
  bool sender_closed() const { return passed_close_ && !told && !due; }
  unsigned new_pings = 0;             // of Drover's own; the judge takes them off
  bool over = false;                  // nothing more may come
  bool told = false;                  // by a Close of Drover's own
  bool failed = false;                // the receiver's connection is dead: what is written is not seen
  std::optional<unsigned> due;        // code of the Close that Drover owes the receiver
  std::optional<unsigned> violation;  // of the sender: the code that it deserves

 private:
  struct Mark {
    std::size_t end;  // in passable_; payload that has not come yet included
    Frame frame;
  };

  // While the direction goes on, everything legal has been passed on, and nothing waits that could have gone.
  void check_complete() const {
    REQUIRE(matched_ == passable_.size());
    const bool frame_ended = crossed_frame_ || at_frame_boundary();
    const bool message_ended = crossed_message_ || at_message_boundary();
    REQUIRE(!frame_ended || (!due && !waits(Kind::kControl)));
    REQUIRE(!message_ended || !waits(Kind::kData));
  }
  void accept(char byte, OwnPings& to_sender) {
    switch (reader_.take(byte)) {
      case FrameReader::Found::kNothing: break;
      case FrameReader::Found::kPayload: passable_.push_back(byte); break;
      case FrameReader::Found::kIllegal: illegal_ = true; break;
      case FrameReader::Found::kHeader:
        passable_ += reader_.bytes();
        marks_.push_back({passable_.size() + static_cast<std::size_t>(reader_.frame().length), reader_.frame()});
        break;
      case FrameReader::Found::kControl:
        if (reader_.frame().opcode == Opcode::kPong && to_sender.takes(reader_.payload())) break;
        passable_ += reader_.bytes();
        marks_.push_back({passable_.size(), reader_.frame()});
        passed_close_ = reader_.frame().opcode == Opcode::kClose;
        break;
    }
  }
  // The scanner, alone, says when a violation is known: it need not see a whole header.
  void scan(std::string_view chunk) {
    const std::vector<std::uint8_t> copy(as_bytes(chunk).begin(), as_bytes(chunk).end());
    Bytes input(copy);
    websocket::FrameScanner::Step step;
    do {
      step = reference_.scan(input, limits_, tally_);
      if (step.stop == websocket::FrameScanner::Stop::kControl && step.control.opcode == Opcode::kClose) return;
      input = input.subspan(step.consumed);
    } while (step.stop == websocket::FrameScanner::Stop::kControl);
    if (step.stop == websocket::FrameScanner::Stop::kViolation) {
      violation = static_cast<unsigned>(reference_.violation().code);
    }
  }

  bool is_next(std::string_view bytes) const { return passable_.compare(matched_, bytes.size(), bytes) == 0; }

  // Size of a frame of Drover's own at the front of `output`, noted; 0: there is none.
  std::size_t match_own(std::string_view output) {
    const auto frame = header_of(output);
    if (!frame || output.size() - frame->header < frame->length) return 0;
    const std::size_t size = frame->header + static_cast<std::size_t>(frame->length);
    const std::string payload = payload_of(*frame, output);
    const bool injected = payload.starts_with(nonce_);
    if (!injected && (frame->opcode == Opcode::kPong || !frame->is_control() || is_next(output.substr(0, size)))) {
      return 0;
    }
    REQUIRE(frame->fin && frame->rsv == 0 && frame->masked == masked_);
    own_bytes_ += size;
    if (injected) {
      take_injected(*frame, payload);
    } else if (frame->opcode == Opcode::kPing) {
      REQUIRE(payload.size() == 8);
      REQUIRE(!spared);  // the sender's will do
      pings.note(payload);
      ++new_pings;
    } else {
      REQUIRE(due && close_code_of(payload) == *due && payload.size() > 2);
      over = told = true;
    }
    return size;
  }
  void take_injected(const Frame& frame, const std::string& payload) {
    REQUIRE(frame.is_control() || !in_message_);
    const Kind kind = frame.is_control() ? Kind::kControl : Kind::kData;
    const auto first = std::ranges::find(waiting_, kind, [](const auto& each) { return each.first; });
    REQUIRE(first != waiting_.end() && first->second == payload);
    waiting_.erase(first);
  }
  // Size of what continues the sender's bytes, up to the end of a frame.
  std::size_t match_senders(std::string_view output) {
    REQUIRE(next_ < marks_.size());
    const Mark& mark = marks_[next_];
    const std::size_t size = std::min(std::min(mark.end, passable_.size()) - matched_, output.size());
    REQUIRE(size > 0 && is_next(output.substr(0, size)));
    matched_ += size;
    if (matched_ < mark.end) return size;
    ++next_;
    crossed_frame_ = true;
    if (!mark.frame.is_control()) in_message_ = !mark.frame.fin;
    crossed_message_ = crossed_message_ || !in_message_;
    if (mark.frame.opcode == Opcode::kPing) foreign_ping = spared = true;
    over = mark.frame.opcode == Opcode::kClose;
    return size;
  }

  const bool masked_;
  const websocket::ScanLimits limits_;
  const std::string nonce_;
  FrameReader reader_;
  websocket::FrameScanner reference_;
  MessageTally tally_;
  std::string passable_;     // the sender's bytes that may be passed on
  std::vector<Mark> marks_;  // its frames
  std::size_t matched_ = 0;  // of passable_: has been passed on
  std::size_t next_ = 0;     // of marks_: the first that has not been passed on whole
  std::size_t own_bytes_ = 0;
  std::deque<std::pair<Kind, std::string>> waiting_;         // injected frames that have not come out
  enum class Ending : std::uint8_t { kNone, kCut, kWhole };  // kCut: a Close was due before
  Ending ending_ = Ending::kNone;
  bool in_message_ = false;
  bool crossed_frame_ = false;
  bool crossed_message_ = false;
  bool passed_close_ = false;
  bool illegal_ = false;
};

}  // namespace drover::proxy::fuzz
