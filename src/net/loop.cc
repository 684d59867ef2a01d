// The libuv side of Loop.
#include "net/loop.h"

#include <cassert>
#include <cstdlib>

namespace drover::net {

Loop::Loop() : read_buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kReadBufferSize)) {
  if (uv_loop_init(&loop_) != 0) std::abort();
  loop_.data = this;
  door_.data = this;
  ticker_.data = this;
  if (uv_async_init(&loop_, &door_, [](uv_async_t* door) { static_cast<Loop*>(door->data)->run_posted(); }) != 0) {
    std::abort();
  }
  uv_timer_init(&loop_, &ticker_);
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&door_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&ticker_), nullptr);
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) continue;  // a stop() that came too late ends the first run at once
  [[maybe_unused]] const int status = uv_loop_close(&loop_);
  assert(status == 0 && "a handle outlived its loop");
}

void Loop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
}

void Loop::stop() {
  uv_stop(&loop_);
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
