// Walks the frames of one direction of a tunnel, RFC 6455 section 5: headers only, payload is neither copied nor
// unmasked. It holds back what must not be passed on in part: an incomplete header and an incomplete control frame,
// so that the output never stands inside one. One scanner a direction, one thread, no allocation on the fast path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/message_tally.h"
#include "websocket/close_code.h"
#include "websocket/frame_header.h"

namespace drover::websocket {

enum class Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// Who sends the frames: a client's must be masked, a backend's must not (section 5.1).
enum class Sender : std::uint8_t { kClient, kBackend };

// Copies kept by the tunnel; shared by both of its scanners.
struct ScanLimits {
  std::uint64_t max_message_size = 0;  // bytes of payload over all fragments; 0: none
  std::uint32_t max_fragments = 0;     // frames of a message; 0: none
  bool permessage_deflate = false;     // RSV1 is legal on the first frame of a message
};

struct Violation {
  CloseCode code;      // for the offender: 1002; 1009 over max_message_size; 1008 over max_fragments
  const char* reason;  // static, for the log and the Close frame
};

using ControlPayload = std::array<std::uint8_t, 125>;  // as much as a control frame can carry, section 5.5

// A whole control frame, Close included. `bytes` is the frame as received: a part of the input, right behind `body`,
// where it was not split over reads. Lives until the next scan().
struct ControlFrame {
  Opcode opcode{};
  Bytes bytes;
  // The payload without its mask, written to `room`. Only what Drover has to read is unmasked.
  Bytes payload(ControlPayload& room) const;
};

// How a caller goes through what it has read (`forward` takes the bytes on to the other side):
//
//   FrameScanner::Step step;
//   do {
//     step = scanner.scan(input, limits, tally);
//     forward(step.head), forward(step.body);
//     if (step.stop == FrameScanner::Stop::kControl) /* forward, answer or swallow step.control */;
//     input = input.subspan(step.consumed);
//   } while (step.stop == FrameScanner::Stop::kControl);
//
// The last scan, though its input may be empty, gives back the buffer of the control frame before it.
//
// Memory: an incomplete header is held in the scanner itself; a control frame that is cut gets a buffer. What is
// held when the connection ends is never passed on. What comes behind a Close is scanned like anything else: that
// nothing may follow is the caller's to enforce.
class FrameScanner {
 public:
  explicit FrameScanner(Sender sender);
  ~FrameScanner();
  FrameScanner(const FrameScanner&) = delete;
  FrameScanner& operator=(const FrameScanner&) = delete;

  enum class Stop : std::uint8_t {
    kInput,      // all of the input was taken
    kControl,    // `control` is whole; it is not part of head and body: it goes behind them, or nowhere
    kViolation,  // violation() says which; head and body before it are legal and may be passed on. Final
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Step {
    Bytes head;  // bytes held from earlier input that are whole now; they go before body. Valid until the next scan()
    Bytes body;  // the front of the input, to be passed on
    std::size_t consumed = 0;  // bytes of the input that were passed on, held or are `control`; scan the rest next
    Stop stop = Stop::kInput;
    ControlFrame control;  // at kControl
    // Offsets into head+body (0…head.size()+body.size()) of the last place where a control frame, or a data frame,
    // of Drover's own may stand; kNone: nowhere in this step. The end counts, and so does 0 where the output stood at
    // a boundary before this step. At kControl frame_boundary is the end: `control` goes there.
    std::size_t frame_boundary = kNone;
    std::size_t message_boundary = kNone;
  };
  // `tally` gets every data message whose last frame's header is passed.
  Step scan(Bytes input, const ScanLimits& limits, MessageTally& tally);

  bool violated() const { return fault_ != Fault::kNone; }
  const Violation& violation() const;  // after kViolation
  // Where the output (everything that was passed on so far) stands.
  bool at_frame_boundary() const { return remaining_ == 0; }
  // Bytes up to the next frame boundary; 0: it stands at one.
  std::uint64_t frame_rest() const { return remaining_; }
  bool at_message_boundary() const { return remaining_ == 0 && fragments_ == 0; }
  // Data messages whose last frame's header has been passed.
  std::uint64_t messages() const { return messages_; }
  // Another sender goes on where this one stood, at a message boundary: what is held of a frame that was cut is
  // dropped.
  void restart();

 private:
  struct ControlBuffer;
  using HeldHeader = std::array<std::uint8_t, kMaxFrameHeader - 1>;

  HeaderRules rules_of(const ScanLimits& limits) const;
  std::size_t complete_held_header(Bytes input, const ScanLimits& limits, MessageTally& tally, Step& step);
  void walk_frames(Bytes input, std::size_t at, const ScanLimits& limits, MessageTally& tally, Step& step);
  void scan_control(Bytes input, const ScanLimits& limits, Step& step);
  FrameHeader examine_control(Bytes frame, const ScanLimits& limits) const;
  void pass_header(std::uint8_t first, std::uint64_t payload, MessageTally& tally);
  void pass_fragment(std::uint8_t first, std::uint64_t payload, MessageTally& tally);
  void refuse(Fault fault, Step& step);

  std::uint64_t remaining_ = 0;     // payload of the data frame at hand that has not been passed on
  std::uint64_t message_size_ = 0;  // payload of the unfinished message so far, by its headers
  std::uint64_t messages_ = 0;
  std::unique_ptr<ControlBuffer> control_;  // while a control frame is being collected or reported
  std::uint32_t fragments_ = 0;             // frames of the unfinished message so far
  HeldHeader held_{};                       // the front of a data frame's header that is cut short
  HeldHeader head_{};                       // what the last step gave out as `head`; held_ may be filled anew
  const Sender sender_ : 4;
  MessageTally::Kind kind_ : 4 = MessageTally::Kind::kText;  // of the unfinished message
  std::uint8_t held_size_ : 4 = 0;
  Fault fault_ : 4 = Fault::kNone;
};

static_assert(sizeof(FrameScanner) <= 64, "two for every session");

}  // namespace drover::websocket
