// One direction of a tunnel: what comes from one side is scanned and goes to the other, up to the Close that ends it.
// The Close is the sender's own or one of Drover's, which waits for a frame boundary. No I/O but writes to the sink.
#pragma once

#include <cstdint>

#include "net/byte_stream.h"
#include "websocket/close_code.h"
#include "websocket/frame_scanner.h"
#include "websocket/frame_writer.h"

namespace drover::proxy {

class Relay {
 public:
  // `sender`: whose frames it relays; they go towards the other side.
  explicit Relay(websocket::Sender sender);

  enum class Event : std::uint8_t {
    kNone,
    kClosePassed,  // the sender's Close went through; nothing more will
    kCloseSent,    // the Close of Drover's own that waited for a boundary went out
    kViolation,    // violation() says which; what came before it went through, nothing more will
  };
  // Passes on what may be passed on, in one write where it can. After the end everything is dropped.
  Event feed(Bytes input, net::ByteStream& sink, const websocket::ScanLimits& limits);

  // Drover's own Close, at once where the output stands at a frame boundary (then true), else at the next one.
  // `reason` must be static. False also where the direction has ended already.
  bool send_close(websocket::CloseCode code, const char* reason, net::ByteStream& sink);
  // The sender is gone: Drover's own Close if the output stands at a frame boundary, and the end in any case.
  void abandon(websocket::CloseCode code, const char* reason, net::ByteStream& sink);
  // Nothing more can reach the sink.
  void discard() { output_ = Output::kEnded; }

  bool ended() const { return output_ == Output::kEnded; }
  const websocket::Violation& violation() const { return scanner_.violation(); }
  std::uint64_t messages() const { return scanner_.messages(); }
  std::uint64_t bytes() const { return bytes_; }  // passed on, frame headers included
  // The code of the Close that the sender sent; 0: none came; 1005: it had no code.
  std::uint16_t close_code() const { return close_code_; }

 private:
  enum class Output : std::uint8_t { kOpen, kCloseWanted, kEnded };

  void write_close(net::ByteStream& sink, websocket::CloseCode code, const char* reason);
  void note_close(Bytes payload);

  websocket::FrameScanner scanner_;
  std::uint64_t bytes_ = 0;
  const char* wanted_reason_ = nullptr;
  websocket::CloseCode wanted_code_{};
  std::uint16_t close_code_ = 0;
  const websocket::Towards towards_;
  Output output_ = Output::kOpen;
};

}  // namespace drover::proxy
