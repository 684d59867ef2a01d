// A turn: the sockets first, then whatever libuv has, then what waits for its turn, then what was deferred.
#include "net/loop.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cassert>
#include <cstdlib>

#include "net/tls_port.h"

namespace drover::net {

Loop::UvLoop::UvLoop() : uv_loop_t() {
  if (uv_loop_init(this) != 0) std::abort();
}

Loop::Loop()
    : poller_(uv_backend_fd(&loop_)), read_buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kReadBufferSize)) {
  loop_.data = this;
  door_.data = this;
  if (uv_async_init(&loop_, &door_, [](uv_async_t* door) { static_cast<Loop*>(door->data)->run_posted(); }) != 0) {
    std::abort();
  }
}

Loop::~Loop() {
  run_deferred();
  uv_close(reinterpret_cast<uv_handle_t*>(&door_), nullptr);
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
  const bool wait = patience == Patience::kUntilSomething && deferred_.empty() && turns_.empty();
  const auto woken = poller_.wait(wait ? uv_backend_timeout(&loop_) : 0, [this] { uv_update_time(&loop_); });
  // 0: a handle of libuv's is closing.
  if (woken == Poller::Woken::kByNested || uv_backend_timeout(&loop_) == 0) uv_run(&loop_, UV_RUN_NOWAIT);
  turns_.run_turn();
  run_deferred();
}

TlsPort& Loop::tls() {
  if (tls_ == nullptr) tls_ = std::make_unique<TlsPort>(kReadBufferSize);
  return *tls_;
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
  ticker_.start();
}

Loop::Ticker::Ticker(Loop& loop) : loop_(loop), timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (timer_ < 0 || !loop_.poller().watch(*this, timer_, EPOLLIN)) std::abort();
}

Loop::Ticker::~Ticker() {
  loop_.poller().forget(*this);
  ::close(timer_);
}

void Loop::Ticker::on_ready(std::uint32_t) noexcept {
  std::uint64_t expirations = 0;  // the wheel goes by the clock
  if (::read(timer_, &expirations, sizeof(expirations)) < 0) return;
  loop_.lag_.add(std::chrono::floor<Histogram::Duration>(std::chrono::steady_clock::now() - due_));
  due_ += TimerWheel::kTick * expirations;
  loop_.wheel_.advance(loop_.now());
  if (loop_.wheel_.empty()) stop();
}

// The first tick is at a moment that we name, not at one that the kernel counts from now: else no lag could be told.
void Loop::Ticker::start() {
  if (running_) return;
  due_ = std::chrono::steady_clock::now() + TimerWheel::kTick;
  const auto since_epoch = due_.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  set({.it_interval = {.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(TimerWheel::kTick).count()},
       .it_value = {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(since_epoch - seconds).count()}});
  running_ = true;
}

void Loop::Ticker::stop() {
  set({});
  running_ = false;
}

void Loop::Ticker::set(const itimerspec& when) {
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace drover::net
