// ByteStream over a TCP socket and libuv: uv_try_write straight from the caller's buffer, leftovers through uv_write
// from an Outbox that exists only while something waits.
#pragma once

#include <uv.h>

#include "net/address.h"
#include "net/byte_stream.h"
#include "net/loop.h"

namespace drover::net {

class TcpStream final : public ByteStream {
 public:
  explicit TcpStream(Loop& loop) { tcp_.loop = loop.raw(); }
  // Must be closed: never opened, or on_closed() has been called.
  ~TcpStream() override;
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // Set the handler first: where one of these fails and in_use() is true, on_closed() follows.
  // Takes a connected, non-blocking socket, `fd`, and owns it in any case. Reading starts with start_reading().
  Result<void> open(int fd);
  // Starts to connect; on_connected() follows unless this fails or close() comes first.
  // Errors: kConnectFailed (Side::kBackend), kOwnResources (Side::kDrover).
  Result<void> connect(const Address& address);
  // Whether open() or connect() has succeeded and on_closed() has not come yet.
  bool in_use() const { return life_ != Life::kClosed; }

  using ByteStream::write;
  void set_handler(Handler& handler) override { handler_ = &handler; }
  void write(std::span<const Bytes> pieces) override;
  std::size_t queued() const override { return outbox_ == nullptr ? 0 : outbox_->queue.size(); }
  bool write_failed() const override { return writing_ == Writing::kFailed; }
  void finish_writing() override;
  void start_reading() override;
  void pause(PauseReason reason) override;
  void resume(PauseReason reason) override;
  bool paused() const override { return pauses_ != 0; }
  Link link() const override;
  void close() override;

 private:
  enum class Life : std::uint8_t { kClosed, kOpen, kClosing };
  enum class Reading : std::uint8_t { kStopped, kWanted, kEnded };
  enum class Writing : std::uint8_t { kOpen, kFinishing, kFinished, kFailed };

  static void on_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer) noexcept;
  static void on_read(uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) noexcept;
  static void on_write(uv_write_t* request, int status) noexcept;
  static void on_connect(uv_connect_t* request, int status) noexcept;
  static void on_close(uv_handle_t* handle) noexcept;

  // libuv's handle knows its loop, and the loop us: no pointer of our own is needed.
  Loop& loop() { return *static_cast<Loop*>(tcp_.loop->data); }
  uv_stream_t* handle() { return reinterpret_cast<uv_stream_t*>(&tcp_); }
  Result<void> adopt(int fd);
  void read_or_not();
  void submit();
  void send_fin();
  void release_outbox();

  uv_tcp_t tcp_{};
  Handler* handler_ = nullptr;
  Outbox* outbox_ = nullptr;  // the loop's slab owns it
  Life life_ = Life::kClosed;
  Reading reading_ = Reading::kStopped;
  Writing writing_ = Writing::kOpen;
  std::uint8_t pauses_ = 0;  // set of PauseReason
};

}  // namespace drover::net
