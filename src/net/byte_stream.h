// A two-way stream of bytes on a loop: TCP, or TLS over it. Writing takes everything: what the socket does not take at
// once is queued and counted, and it is the caller's to pause whoever produces it. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "net/link.h"

namespace drover::net {

// Why a stream is not being read. A set: reading goes on once no reason is left, so two causes cannot undo each other.
enum class PauseReason : std::uint8_t {
  kPeerSlow = 1 << 0,  // the other side's queue is above its watermark
  kHeld = 1 << 1,      // bytes wait for a handshake, and more of them would be too many
  kNoTurn = 1 << 2,    // what has come waits for its turn: see TurnQueue
};

enum class ReadEnd : std::uint8_t {
  kEof,        // the peer ended its direction in order (FIN; with TLS, close_notify); writing may go on
  kTruncated,  // TLS: a FIN without close_notify. As kEof, but somebody on the way may have cut off what came before it
  kReset,      // the connection is dead (RST, keepalive, …); nothing can be read or written
  kBroken,     // as kReset, but it is this stream that cannot go on with what it was sent: failure() says why
};

class ByteStream {
 public:
  // Callbacks of one stream. They come from the loop, never from inside a call to the stream, and the handler may do
  // anything in them, closing the stream included.
  class Handler {
   public:
    // Of a stream that connects: it is open, TLS included, or will not be.
    virtual void on_connected(ByteStream& stream, Result<void> result) noexcept = 0;
    // `bytes` is gone when the callback returns. Never empty.
    virtual void on_read(ByteStream& stream, Bytes bytes) noexcept = 0;
    // At most once; nothing is read after it.
    virtual void on_read_end(ByteStream& stream, ReadEnd end) noexcept = 0;
    // Some of the queue went out (queued() says what is left), or writing has failed (write_failed()).
    virtual void on_written(ByteStream& stream) noexcept = 0;
    // The last callback after close(): the stream's memory may be reused.
    virtual void on_closed(ByteStream& stream) noexcept = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~ByteStream() = default;

  virtual void set_handler(Handler& handler) = 0;

  // Sends `pieces` in order, copying only what has to wait. After write_failed(), finish_writing() or close() it is
  // dropped: what the peer has said before it went can still be read.
  virtual void write(std::span<const Bytes> pieces) = 0;
  void write(Bytes piece) { write(std::span<const Bytes>(&piece, 1)); }
  // As write() and finish_writing() behind it; the end goes in one segment with the last byte where that can be.
  virtual void write_last(std::span<const Bytes> pieces) = 0;
  void write_last(Bytes piece) { write_last(std::span<const Bytes>(&piece, 1)); }
  virtual std::size_t queued() const = 0;  // bytes
  virtual bool write_failed() const = 0;
  // Ends our direction (FIN) behind what is queued.
  virtual void finish_writing() = 0;

  virtual void start_reading() = 0;
  virtual void pause(PauseReason reason) = 0;
  virtual void resume(PauseReason reason) = 0;
  virtual bool paused() const = 0;
  // Bytes that the peer has sent and nobody has read: with some, close() would be a reset.
  virtual std::size_t unread() const = 0;
  // What is to know without reading or writing; lost where it is closed. For timers, not for the data path.
  virtual Link link() const = 0;
  // From now on TCP itself asks a silent peer whether it is still there; one that has vanished is a reset after about
  // two minutes. Costs system calls and a kernel timer, so it is for streams that last.
  virtual void keep_alive() = 0;
  // What has gone wrong above TCP, once it has: "TLS: no shared cipher". One line.
  virtual std::string_view failure() const { return {}; }

  // Ends both directions now; what is queued is dropped. on_closed() follows.
  virtual void close() = 0;
  // As close(), but with TLS a peer that has got all is told so (close_notify): else it would look like a cut.
  void close_in_order() {
    finish_writing();
    close();
  }
};

}  // namespace drover::net
