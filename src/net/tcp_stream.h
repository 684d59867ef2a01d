// ByteStream over a TCP socket: reads into the loop's shared buffer, and sends straight from the caller's. What the
// socket does not take waits in a queue that exists only as long.
#pragma once

#include "net/address.h"
#include "net/byte_stream.h"
#include "net/loop.h"
#include "net/poller.h"

namespace drover::net {

class TcpStream final : public ByteStream, Poller::Source {
 public:
  explicit TcpStream(Loop& loop) : loop_(loop) {}
  // Must be closed: never opened, or on_closed() has been called.
  ~TcpStream() override;
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // Set the handler first: where one of these fails and in_use() is true, on_closed() follows.
  // Takes a connected, non-blocking socket, `fd`, and owns it in any case. Reading starts with start_reading().
  Result<void> open(int fd);
  // Starts to connect; on_connected() follows unless this fails or close() comes first.
  // Errors of both, with the reason but not the address: kConnectFailed (Side::kBackend), kOwnResources
  // (Side::kDrover).
  Result<void> connect(const Address& address);
  // Whether open() or connect() has succeeded and on_closed() has not come yet.
  bool in_use() const { return life_ != Life::kClosed; }

  Loop& loop() const { return loop_; }

  using ByteStream::write;
  void set_handler(Handler& handler) override { handler_ = &handler; }
  void write(std::span<const Bytes> pieces) override;
  using ByteStream::write_last;
  void write_last(std::span<const Bytes> pieces) override;
  std::size_t queued() const override { return queue_ == nullptr ? 0 : queue_->size(); }
  bool write_failed() const override { return writing_ == Writing::kFailed; }
  void finish_writing() override;
  void start_reading() override;
  void pause(PauseReason reason) override;
  void resume(PauseReason reason) override;
  bool paused() const override { return pauses_ != 0; }
  std::size_t unread() const override;
  Link link() const override;
  void keep_alive() override;
  void close() override;

 private:
  enum class Life : std::uint8_t { kClosed, kConnecting, kOpen, kClosing };
  enum class Reading : std::uint8_t { kStopped, kWanted, kEnded };
  enum class Writing : std::uint8_t { kOpen, kFinishing, kFinished, kFailed };

  bool alive() const { return life_ == Life::kConnecting || life_ == Life::kOpen; }
  bool reads() const { return life_ == Life::kOpen && reading_ == Reading::kWanted && pauses_ == 0; }
  Result<void> adopt(int fd, Life life, std::uint32_t events);
  void on_ready(std::uint32_t events) noexcept override;
  void watch_what_is_wanted();
  void on_dialled(std::uint32_t events);
  void read();
  void put(std::span<const Bytes> pieces, int flags);
  std::size_t send_now(std::span<const Bytes> pieces, int flags);
  void send_queued();
  void send_fin();
  void drop_queue();
  void set_pauses(unsigned pauses);
  void say_closed_later();

  Loop& loop_;
  Handler* handler_ = nullptr;
  ChunkQueue* queue_ = nullptr;  // what waits for the socket; the loop's slab owns it
  Life life_ = Life::kClosed;
  Reading reading_ = Reading::kStopped;
  Writing writing_ = Writing::kOpen;
  std::uint8_t pauses_ = 0;  // set of PauseReason
};

}  // namespace drover::net
