// One event loop with what its streams share: the read buffer, the chunks of waiting bytes, the timer wheel, and the
// one door for other threads, post(). libuv keeps the time, signals and the door; sockets and the wheel's clock are in
// a Poller, which waits for libuv too. Everything but post() belongs to the loop's own thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/histogram.h"
#include "base/slab.h"
#include "net/chunk_queue.h"
#include "net/poller.h"
#include "net/timer_wheel.h"
#include "net/tls_counts.h"
#include "net/turn_queue.h"

namespace drover::net {

class TlsPort;

class Loop {
 public:
  // Aborts where the kernel gives no epoll instance or timer: nothing can run without one.
  Loop();
  // Every stream and handle of the loop must have been closed, and run() must have returned.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); the calling thread is the loop's own from then on.
  void run();
  void stop() { stopped_ = true; }
  // One turn of run(): what is ready, due or posted. For tests, which drive a loop on their own thread.
  enum class Patience : std::uint8_t { kNone, kUntilSomething };
  void turn(Patience patience);

  // Any thread: runs `task` on the loop's thread, in the order of posting. What is posted after the loop has ended is
  // dropped unrun.
  void post(std::function<void()> task);
  // The loop's own thread: runs `task` at the end of this turn, when nobody's call stands in the memory that it frees.
  void defer(std::function<void()> task) { deferred_.push_back(std::move(task)); }

  // Monotonic, cached a turn.
  MonotonicTime now() const { return MonotonicTime(Milliseconds(static_cast<std::int64_t>(uv_now(&loop_)))); }

  uv_loop_t* raw() { return &loop_; }
  Poller& poller() { return poller_; }
  // One for all streams: an idle connection owns no buffer. What is in it is gone with the next read.
  MutableBytes read_buffer() { return {read_buffer_.get(), kReadBufferSize}; }
  Slab<ChunkQueue>& outboxes() { return outboxes_; }
  ChunkPool& chunks() { return chunks_; }
  // Any thread: bytes that wait in all queues of its streams.
  std::uint64_t waiting_bytes() const { return chunks_.waiting().read(); }
  // How many streams stand still for a slow peer. Theirs to count; any thread may read.
  Level& held_back() { return held_back_; }
  const Level& held_back() const { return held_back_; }
  // What a few pieces of are done a turn, behind the sockets.
  TurnQueue& turns() { return turns_; }
  // Made when the first asks for it.
  TlsPort& tls();
  TlsCounts& tls_counts() { return tls_counts_; }
  const TlsCounts& tls_counts() const { return tls_counts_; }

  // Deadlines; a node fires on the loop's thread, never early and at most two ticks late.
  void arm(TimerWheel::Node& node, MonotonicTime deadline);
  TimerWheel& wheel() { return wheel_; }
  // Any thread: how late the loop came to each tick of the wheel, which stands still while nothing is armed. Ticks that
  // it missed count with the oldest of them, as one.
  const Histogram& lag() const { return lag_; }

  // A frame of 64 KiB with the longest header, in records of TLS: such messages are common, and two reads and writes
  // cost a sixth more.
  static constexpr std::size_t kReadBufferSize = 64 * 1024 + 256;

 private:
  // libuv's loop is there before the Poller, which waits for its descriptor.
  struct UvLoop : uv_loop_t {
    UvLoop();
  };

  // Moves the wheel on while there is anything in it. A timerfd, not a timeout of the wait: that would be a timer for
  // the kernel to set and to clear at each message of a worker that is not busy.
  class Ticker final : public Poller::Source {
   public:
    explicit Ticker(Loop& loop);
    ~Ticker();
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;
    void start();

   private:
    void stop();
    void set(const itimerspec& when);
    void on_ready(std::uint32_t events) noexcept override;
    Loop& loop_;
    const int timer_;
    bool running_ = false;
    std::chrono::steady_clock::time_point due_;  // the next tick
  };

  void run_posted() noexcept;
  void run_deferred();

  UvLoop loop_;
  Poller poller_;
  uv_async_t door_{};
  bool stopped_ = false;
  std::unique_ptr<std::uint8_t[]> read_buffer_;
  ChunkPool chunks_;
  Slab<ChunkQueue> outboxes_;
  Level held_back_;
  TurnQueue turns_;
  std::unique_ptr<TlsPort> tls_;
  TlsCounts tls_counts_;
  TimerWheel wheel_;
  Histogram lag_;
  Ticker ticker_{*this};
  std::vector<std::function<void()>> deferred_;
  std::mutex mutex_;  // guards posted_ alone
  std::vector<std::function<void()>> posted_;
};

}  // namespace drover::net
