// Whether a peer still lives: when it was last heard, and the pings that Drover itself has sent it. Any byte counts as
// life, and only a silent peer is pinged. Pure: it is told the time. One a side of a tunnel.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/link.h"

namespace drover::proxy {

// 0 as interval: the peer is neither pinged nor judged.
struct PingLimits {
  Milliseconds interval;  // of silence, until it is pinged
  Milliseconds timeout;   // after the ping, until it is given up
};

class Pulse {
 public:
  explicit Pulse(MonotonicTime now) : heard_at_(now) {}

  // Bytes came. Also for a peer that was not read for a while: its silence begins now.
  void hear(MonotonicTime now) {
    heard_at_ = now;
    owes_pong_ = false;
  }
  // A Ping of the other side's went to it. The answer to that one will do: a peer may answer only the newest of several
  // pings (RFC 6455 section 5.5.3), and then the other side would wait for ever.
  void note_foreign_ping() { owes_pong_ = true; }

  enum class Due : std::uint8_t {
    kNothing,
    kPing,     // it has been silent for long enough
    kVerdict,  // and has not answered: it is gone, unless the link says otherwise
  };
  Due due(MonotonicTime now, const PingLimits& limits) const;
  // When due() will say something else if nothing comes; none: never.
  std::optional<MonotonicTime> next_due(const PingLimits& limits) const;

  // Whether the other side's Ping is still to be answered, so that none of Drover's own is needed.
  bool owes_pong() const { return owes_pong_; }
  using PingPayload = std::array<std::uint8_t, 8>;
  PingPayload next_ping();
  // next_ping() has to wait for the end of a frame, or still does.
  void note_waiting(MonotonicTime now, const net::Link& link);
  bool waits() const { return asking_ == Asking::kWaiting; }
  void note_sent(std::chrono::microseconds precise_now);  // it went out
  // It has been asked, by that ping or by the other side's; `link` as it was just before.
  void note_asked(MonotonicTime now, const net::Link& link);
  // At kVerdict: true where the peer has taken in more of what was on its way to it before the ping. It cannot have
  // answered what it has yet to come to, or has only just come to, so it gets as much time again.
  bool takes_in(MonotonicTime now, const net::Link& link);

  // A Pong: true where it answers one of these pings, each once.
  bool answers(Bytes payload, std::chrono::microseconds precise_now);
  // The last one that was measured.
  std::optional<std::chrono::microseconds> rtt() const;

 private:
  enum class Asking : std::uint8_t { kNothing, kWaiting, kAsked };

  bool unanswered() const { return asking_ != Asking::kNothing && asked_at_ > heard_at_; }
  void ask(Asking asking, MonotonicTime now, const net::Link& link);

  MonotonicTime heard_at_;
  MonotonicTime asked_at_{};
  // Low bits of what is only compared with its like: a session is a few bytes cheaper.
  std::uint32_t sent_at_ = 0;       // microseconds, of the newest ping
  std::uint32_t acknowledged_ = 0;  // bytes
  std::uint32_t tag_ = 0;           // random, so that nobody else's Pong is taken for an answer
  std::uint32_t sent_ = 0;          // pings so far; the number of the newest
  std::uint32_t answered_ = 0;      // the newest that was answered
  std::uint32_t rtt_ = 0;           // microseconds; 0: none was measured
  Asking asking_ = Asking::kNothing;
  bool behind_ = false;  // there were bytes on their way before the ping
  bool owes_pong_ = false;
};

}  // namespace drover::proxy
