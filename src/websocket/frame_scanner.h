// Walks the frames of one direction of a tunnel, RFC 6455 section 5: headers only, payload is neither copied nor
// unmasked. It holds back what must not be passed on in part: an incomplete header and an incomplete control frame,
// so that the output never stands inside one. One scanner a direction, one thread, no allocation on the fast path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "websocket/close_code.h"

namespace drover::websocket {

enum class Opcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// Who sends the frames: a client's must be masked, a backend's must not (section 5.1).
enum class Sender : std::uint8_t { kClient, kBackend };

// Copies kept by the tunnel; shared by both of its scanners.
struct ScanLimits {
  std::uint64_t max_message_size = 0;  // bytes of payload over all fragments; 0: none
  bool permessage_deflate = false;     // RSV1 is legal on the first frame of a message
};

struct Violation {
  CloseCode code;      // for the offender: 1002, or 1009 over max_message_size
  const char* reason;  // static, for the log and the Close frame
};

// A whole control frame. `bytes` is the frame as received, `payload` is unmasked and lives until the next scan().
struct ControlFrame {
  Opcode opcode;
  Bytes bytes;
  Bytes payload;
};

class FrameScanner {
 public:
  explicit FrameScanner(Sender sender);
  ~FrameScanner();
  FrameScanner(const FrameScanner&) = delete;
  FrameScanner& operator=(const FrameScanner&) = delete;

  enum class Stop : std::uint8_t {
    kInput,      // all of the input was taken
    kControl,    // control() is whole; it is not part of head and body: the caller passes it on, or not
    kViolation,  // violation() says which; head and body before it are legal and may be passed on
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Step {
    Bytes head;  // bytes held from earlier input that are whole now; they go before body. Valid until the next scan()
    Bytes body;  // a part of the input, to be passed on
    std::size_t consumed = 0;  // bytes of the input that were passed on, held or are control(); scan the rest next
    Stop stop = Stop::kInput;
    // Offsets into head+body (0…head.size()+body.size()) of the last place where a control frame, or a data frame,
    // of Drover's own may stand; kNone: nowhere in this step.
    std::size_t frame_boundary = kNone;
    std::size_t message_boundary = kNone;
  };
  Step scan(Bytes input, const ScanLimits& limits);

  const ControlFrame& control() const;  // after kControl
  const Violation& violation() const;   // after kViolation
  // Where the output (everything that was passed on so far) stands.
  bool at_frame_boundary() const;
  bool at_message_boundary() const;
  // Data messages whose last frame's header has been passed.
  std::uint64_t messages() const;

 private:
  // Layout is the implementation's; sizeof(FrameScanner) must stay under 64 bytes, with the buffer of a control
  // frame that is split over reads made on demand.
};

}  // namespace drover::websocket
