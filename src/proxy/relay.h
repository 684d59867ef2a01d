// One direction of a tunnel: what comes from one side is scanned and goes to the other, up to the Close that ends it.
// Frames of Drover's own are put in where they may stand: control frames between frames, data frames between messages
// (RFC 6455 section 5.4). No I/O but writes to the sink. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "net/byte_stream.h"
#include "websocket/close_code.h"
#include "websocket/frame_scanner.h"
#include "websocket/frame_writer.h"

namespace drover::proxy {

class Relay {
 public:
  // Whom a relay tells of control frames, from within feed(), which must not be disturbed. Data frames never get here.
  class Observer {
   public:
    // A Pong of the sender's: true where it answers a ping of Drover's own. Then it goes no further.
    virtual bool takes_pong(const Relay& relay, Bytes payload) = 0;
    // A Close of the sender's: true where somebody else takes the sender's place. Then it goes no further.
    virtual bool takes_close(const Relay& relay, std::uint16_t code) = 0;
    // A Ping of the sender's is passed on.
    virtual void on_ping_passed(const Relay& relay, const websocket::ControlFrame& ping) = 0;
    // A Ping of Drover's own that had to wait went out.
    virtual void on_ping_injected(const Relay& relay) = 0;
    // A Close of the sender's is passed on: whether the sink's direction ends behind it.
    virtual bool ends_with_close(const Relay& relay) = 0;

   protected:
    ~Observer() = default;
  };

  // `sender`: whose frames it relays; they go towards the other side.
  explicit Relay(websocket::Sender sender);

  enum class Event : std::uint8_t {
    kNone,
    kClosePassed,  // the sender's Close went through; nothing more will
    kCloseTaken,   // it went no further, and nothing behind it: see Observer::takes_close(); restart() is to follow
    kCloseSent,    // the Close of Drover's own that waited for a boundary went out
    kViolation,    // violation() says which; what came before it went through, nothing more will
  };
  // Passes on what may be passed on, in one write where it can. After the end everything is dropped. A Close of
  // Drover's own is the last that the sink is written (ByteStream::write_last()), here and below.
  // `tally` gets the data messages.
  Event feed(Bytes input, net::ByteStream& sink, const websocket::ScanLimits& limits, MessageTally& tally,
             Observer& observer);

  enum class Injected : std::uint8_t {
    kSent,
    kWaiting,  // for an end of a frame or message, the last in a later read; if none comes, it is dropped
    kDropped,  // the direction has ended, or a Close of Drover's own waits; or no memory
  };
  // A whole frame of Drover's own, Ping, Pong, text or binary. Those of a kind keep their order, but a control frame
  // does not wait behind data frames.
  Injected inject(websocket::Opcode opcode, Bytes payload, net::ByteStream& sink);
  // Drover's own Close. It waits for the end of a frame, not of a message: nobody's unfinished message can hold it up.
  // Data frames that still wait then are dropped.
  Injected inject_close(websocket::CloseCode code, const char* reason, net::ByteStream& sink);
  // The sender is gone: Drover's own Close if the output stands at a frame boundary, and the end in any case.
  void abandon(websocket::CloseCode code, const char* reason, net::ByteStream& sink);
  // Nothing more can reach the sink.
  void discard();
  // At a message boundary: another sender goes on, or another sink. What was begun of a frame is forgotten.
  void restart();

  // Where the output stands.
  bool at_frame_boundary() const { return scanner_.at_frame_boundary(); }
  bool at_message_boundary() const { return scanner_.at_message_boundary(); }
  // How much of the sender's next bytes can be passed on without going beyond a place where it may stand at a message
  // boundary, at least 1.
  std::uint64_t up_to_boundary() const { return std::max<std::uint64_t>(scanner_.frame_rest(), 1); }

  bool ended() const { return output_ == Output::kEnded; }
  bool violated() const { return scanner_.violated(); }
  const websocket::Violation& violation() const { return scanner_.violation(); }
  // Of the sender: data messages, and bytes passed on, frame headers included.
  std::uint64_t messages() const { return scanner_.messages(); }
  std::uint64_t bytes() const { return bytes_; }
  // The code of the Close that the sender sent; 0: none came; 1005: it had no code.
  std::uint16_t close_code() const { return close_code_; }

 private:
  enum class Output : std::uint8_t { kOpen, kCloseWanted, kEnded };
  enum class Place : std::uint8_t { kBetweenFrames, kBetweenMessages };
  struct Waiting {
    websocket::Opcode opcode;
    std::vector<std::uint8_t> frame;
  };
  class Gather;

  Event feed_rest(Bytes input, websocket::FrameScanner::Step& step, net::ByteStream& sink,
                  const websocket::ScanLimits& limits, MessageTally& tally, Observer& observer);
  void pass(const websocket::FrameScanner::Step& step, Gather& out, Observer& observer);
  void let_in(Place place, Gather& out, Observer& observer);
  Event on_control(const websocket::ControlFrame& control, Gather& out, Observer& observer);
  Injected put(websocket::Opcode opcode, std::vector<std::uint8_t> frame, net::ByteStream& sink);

  websocket::FrameScanner scanner_;
  std::uint64_t bytes_ = 0;
  std::unique_ptr<std::vector<Waiting>> waiting_;  // frames of Drover's own; null: none
  std::uint16_t close_code_ = 0;
  const websocket::Towards towards_;
  Output output_ = Output::kOpen;
};

}  // namespace drover::proxy
