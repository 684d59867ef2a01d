// A turn: the sockets first, then whatever libuv has, then what was deferred.
#include "net/loop.h"

#include <cassert>
#include <cstdlib>

namespace drover::net {

Loop::UvLoop::UvLoop() : uv_loop_t() {
  if (uv_loop_init(this) != 0) std::abort();
}

Loop::Loop()
    : poller_(uv_backend_fd(&loop_)), read_buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kReadBufferSize)) {
  loop_.data = this;
  door_.data = this;
  ticker_.data = this;
  if (uv_async_init(&loop_, &door_, [](uv_async_t* door) { static_cast<Loop*>(door->data)->run_posted(); }) != 0) {
    std::abort();
  }
  uv_timer_init(&loop_, &ticker_);
}

Loop::~Loop() {
  run_deferred();
  uv_close(reinterpret_cast<uv_handle_t*>(&door_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&ticker_), nullptr);
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) continue;
  [[maybe_unused]] const int status = uv_loop_close(&loop_);
  assert(status == 0 && "a handle outlived its loop");
}

void Loop::run() {
  uv_run(&loop_, UV_RUN_NOWAIT);  // libuv tells the kernel of new handles only here
  while (!stopped_) turn(Patience::kUntilSomething);
  stopped_ = false;
}

void Loop::turn(Patience patience) {
  const bool wait = patience == Patience::kUntilSomething && deferred_.empty();
  const auto woken = poller_.wait(wait ? uv_backend_timeout(&loop_) : 0, [this] { uv_update_time(&loop_); });
  // 0: a timer is due, or a handle of libuv's is closing.
  if (woken == Poller::Woken::kByNested || uv_backend_timeout(&loop_) == 0) uv_run(&loop_, UV_RUN_NOWAIT);
  run_deferred();
}

void Loop::run_deferred() {
  while (!deferred_.empty()) {
    std::vector<std::function<void()>> tasks;
    tasks.swap(deferred_);
    for (auto& task : tasks) task();
  }
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  uv_async_send(&door_);  // coalesces: the queue is drained whole
}

void Loop::run_posted() noexcept {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void Loop::arm(TimerWheel::Node& node, MonotonicTime deadline) {
  if (wheel_.empty()) wheel_.advance(now());  // the wheel stood still while it was empty
  wheel_.arm(node, deadline);
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(&ticker_)) == 0) {
    const auto period = static_cast<std::uint64_t>(TimerWheel::kTick.count());
    uv_timer_start(&ticker_, [](uv_timer_t* ticker) { static_cast<Loop*>(ticker->data)->tick(); }, period, period);
  }
}

void Loop::tick() noexcept {
  wheel_.advance(now());
  if (wheel_.empty()) uv_timer_stop(&ticker_);
}

}  // namespace drover::net
