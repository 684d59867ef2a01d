// One libuv event loop with what its streams share: the read buffer, the chunks of waiting bytes, the timer wheel,
// and the one door for other threads, post(). Everything but post() belongs to the loop's own thread.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/slab.h"
#include "net/chunk_queue.h"
#include "net/timer_wheel.h"

namespace drover::net {

class Loop {
 public:
  // Aborts where the kernel gives no epoll instance: nothing can run without one.
  Loop();
  // Every handle of the loop must have been closed, and run() must have returned.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); the calling thread is the loop's own from then on.
  void run();
  void stop();

  // Any thread: runs `task` on the loop's thread, in the order of posting. What is posted after the loop has ended is
  // dropped unrun.
  void post(std::function<void()> task);

  // Monotonic, cached a turn.
  MonotonicTime now() const { return MonotonicTime(Milliseconds(static_cast<std::int64_t>(uv_now(&loop_)))); }

  uv_loop_t* raw() { return &loop_; }
  // One for all streams: an idle connection owns no buffer. What is in it is gone with the next read.
  MutableBytes read_buffer() { return {read_buffer_.get(), kReadBufferSize}; }
  Slab<Outbox>& outboxes() { return outboxes_; }
  ChunkPool& chunks() { return chunks_; }

  // Deadlines; a node fires on the loop's thread, never early and at most two ticks late.
  void arm(TimerWheel::Node& node, MonotonicTime deadline);
  TimerWheel& wheel() { return wheel_; }

  static constexpr std::size_t kReadBufferSize = 64 * 1024;

 private:
  void run_posted() noexcept;
  void tick() noexcept;

  uv_loop_t loop_{};
  uv_async_t door_{};
  uv_timer_t ticker_{};
  std::unique_ptr<std::uint8_t[]> read_buffer_;
  ChunkPool chunks_;
  Slab<Outbox> outboxes_;
  TimerWheel wheel_;
  std::mutex mutex_;  // guards posted_ alone
  std::vector<std::function<void()>> posted_;
};

}  // namespace drover::net
