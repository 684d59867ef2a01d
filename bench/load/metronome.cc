// A timerfd, to the nanosecond: the ticks of the loop's wheel are too coarse.
#include "bench/load/metronome.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <utility>

#include "bench/load/message_shape.h"

namespace drover::bench {

Metronome::Metronome(net::Loop& loop, double rate, std::function<void(const Beat&)> on_beat)
    : loop_(loop),
      interval_(1e9 / rate),
      on_beat_(std::move(on_beat)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}

Metronome::~Metronome() {
  stop();
}

Result<void> Metronome::start() {
  began_ = nanoseconds_now();
  if (auto watched = loop_.poller().watch(*this, timer_, EPOLLIN); !watched) return watched;
  beat();
  return {};
}

void Metronome::stop() {
  if (timer_ < 0) return;
  loop_.poller().forget(*this);
  ::close(std::exchange(timer_, -1));
}

std::uint64_t Metronome::due(std::uint64_t number) const {
  return began_ + static_cast<std::uint64_t>(static_cast<double>(number) * interval_);
}

void Metronome::on_ready(std::uint32_t) noexcept {
  std::uint64_t expirations = 0;
  if (::read(timer_, &expirations, sizeof(expirations)) > 0) beat();
}

void Metronome::beat() {
  for (; due(next_) <= nanoseconds_now(); ++next_) {
    on_beat_({.number = next_, .due = due(next_)});
    if (timer_ < 0) return;
  }
  const std::uint64_t at = due(next_);
  const itimerspec when{.it_interval = {},
                        .it_value = {.tv_sec = static_cast<time_t>(at / 1'000'000'000),
                                     .tv_nsec = static_cast<long>(at % 1'000'000'000)}};
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace drover::bench
