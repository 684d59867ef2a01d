// Beats at equal distances. A beat that comes late is made up for: each is told when it was due. One thread.
#pragma once

#include <cstdint>
#include <functional>

#include "net/loop.h"

namespace drover::bench {

class Metronome final : net::Poller::Source {
 public:
  struct Beat {
    std::uint64_t number;  // from 0
    std::uint64_t due;     // nanoseconds of the monotonic clock
  };
  // `rate`: beats a second. `on_beat` may stop it.
  Metronome(net::Loop& loop, double rate, std::function<void(const Beat&)> on_beat);
  ~Metronome();
  Metronome(const Metronome&) = delete;
  Metronome& operator=(const Metronome&) = delete;

  // The first beat is now, in this call. Once.
  Result<void> start();
  void stop();

 private:
  void on_ready(std::uint32_t events) noexcept override;
  void beat();
  std::uint64_t due(std::uint64_t number) const;

  net::Loop& loop_;
  const double interval_;  // nanoseconds
  const std::function<void(const Beat&)> on_beat_;
  int timer_;  // -1: stopped
  std::uint64_t began_ = 0;
  std::uint64_t next_ = 0;  // number of the beat that is due next
};

}  // namespace drover::bench
