// Watches a tunnel from outside, operation by operation: who may be given up and when, what the two sides are told,
// when a source is paused, and that it ends. Knows the clock, the streams and what came in, nothing of the tunnel.
// For the tunnel fuzzer.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "support/fake_tunnel.h"
#include "tunnel_model.h"

namespace drover::proxy::fuzz {

using observe::Initiator;
using observe::Why;

struct Side {
  test::FakeStream& stream;
  const Initiator name;
  Direction& out;  // what it sends
  Direction& in;   // what it is sent
  const Milliseconds interval;
  enum class Life : std::uint8_t { kAlive, kEof, kDead };
  Life life = Life::kAlive;
  bool read_to_end = false;
  MonotonicTime heard{};                 // its last byte, or the end of a pause
  MonotonicTime excused_until{};         // it need not be given up before
  MonotonicTime asked{};                 // the last ping of Drover's own
  MonotonicTime acknowledged_at{};       // its TCP has last acknowledged something
  std::optional<MonotonicTime> stuck{};  // bytes have waited for it since, and none went
  Milliseconds stuck_grace{0};
  std::optional<MonotonicTime> lost{};     // vanished and paused since
  std::size_t seen = 0;                    // bytes of `in` that have been matched
  std::optional<std::size_t> just_read{};  // bytes, in this operation
  std::size_t was_queued = 0;
  bool was_paused = false;

  bool reads() const { return !stream.closed && !stream.paused() && !read_to_end; }
  bool done() const {
    return life == Life::kDead || (life == Life::kEof && (stream.queued() == 0 || stream.write_failed()));
  }
  unsigned code_for_innocent() const { return name == Initiator::kBackend ? 1012 : 1001; }
};

class Judge {
 public:
  Judge(test::FakeHost& host, const TunnelLimits& limits, const std::string& nonce)
      : host_(host),
        limits_(limits),
        inward_(Sender::kClient, limits.scan, nonce),
        outward_(Sender::kBackend, limits.scan, nonce),
        client_{host.client(), Initiator::kClient, inward_, outward_, limits.ping_client},
        backend_{host.backend(), Initiator::kBackend, outward_, inward_, limits.ping_backend},
        active_(host.now()) {
    for (Side* side : both()) hear(*side);
  }
  Side& client() { return client_; }
  Side& backend() { return backend_; }

  // Before an operation: what settle() compares with.
  void look() {
    was_ended_ = host_.ended_why.has_value();
    for (Side* side : both()) {
      side->was_paused = side->stream.paused();
      side->was_queued = side->stream.queued();
      side->just_read.reset();
      excuse(*side);
    }
  }
  // `chunk` is what it is about to read.
  void before_read(Side& side, std::string_view chunk) {
    hear(side);
    side.out.accept(chunk, side.in.pings);
    side.just_read = chunk.size();
  }
  void after_read(Side& side) {
    if (side.out.violation && !side.out.over) {
      if (!side.out.due) side.in.owe_close(*side.out.violation);  // else Drover's Close came before it
      side.out.owe_last_words(side.code_for_innocent());
    }
    if (side.out.failed) side.out.over = true;  // found out now
  }
  void end_read(Side& side, net::ReadEnd end) {
    side.read_to_end = true;
    if (side.life != Side::Life::kAlive) return;  // it was known to be lost
    side.life = end == net::ReadEnd::kEof ? Side::Life::kEof : Side::Life::kDead;
    side.out.owe_last_words(side.code_for_innocent());
  }
  void fail(Side& side) {
    side.in.failed = true;
    if (side.was_queued > 0) side.in.over = true;
  }
  void drain(Side& side) {
    if (side.was_queued == 0 || side.stream.write_failed()) return;
    active_ = host_.now();
    if (side.stuck) side.stuck = host_.now();
  }
  void acknowledge(Side& side) {
    side.acknowledged_at = host_.now();
    if (side.stuck) side.stuck = host_.now(), side.stuck_grace = limits_.stalled_write / 4;  // until it is looked at
    excuse(side, side.interval + 2 * limits_.ping_timeout);
  }
  void injected(Side& towards, Opcode opcode, std::string payload, Relay::Injected result) {
    Direction& direction = towards.in;
    const bool is_control = opcode >= Opcode::kClose;
    const bool here = is_control ? direction.at_frame_boundary() : direction.at_message_boundary();
    if (!direction.failed) {
      const bool dropped = direction.over || direction.due;
      REQUIRE(result == (dropped ? Relay::Injected::kDropped
                         : here  ? Relay::Injected::kSent
                                 : Relay::Injected::kWaiting));
    }
    if (result == Relay::Injected::kDropped) return;
    direction.expect(is_control ? Direction::Kind::kControl : Direction::Kind::kData, std::move(payload));
  }
  // `code` is the client's; the backend has done nothing.
  void shut_down(unsigned code) {
    client_.in.owe_close(code);
    backend_.in.owe_close(1001);
  }

  enum class Operation : std::uint8_t { kEvent, kTime };
  // After an operation: all that must hold.
  void settle(Operation operation) {
    if (!was_ended_ && host_.ended_why && operation == Operation::kTime) note_end();
    for (Side* side : both()) match(*side, operation);
    for (Side* side : both()) {
      if (side->life == Side::Life::kDead) side->in.over = true;
    }
    for (const Side* side : both()) note_closing(*side);
    if (!host_.finished) {
      for (Side* side : both()) check_flow(*side);
      for (Side* side : both()) check_fin(*side);
      if (operation == Operation::kTime && !closing_) check_deadlines();
    }
    check_finish(operation);
  }

  // Once it is over.
  void check_counters() const {
    if (!inward_.failed) REQUIRE(host_.traffic.bytes_in.read() == inward_.matched());
    if (!outward_.failed) REQUIRE(host_.traffic.bytes_out.read() == outward_.matched());
  }

 private:
  std::array<Side*, 2> both() { return {&client_, &backend_}; }
  Side& opposite(const Side& side) { return &side == &client_ ? backend_ : client_; }

  void hear(Side& side) {
    side.heard = host_.now();
    side.in.foreign_ping = side.in.spared = false;
    excuse(side, side.interval + limits_.ping_timeout);
  }
  void excuse(Side& side, Milliseconds time) { side.excused_until = std::max(side.excused_until, host_.now() + time); }
  void excuse(Side& side) {
    const bool excused =
        side.stream.paused() || side.stream.link_state.unread > 0 || side.in.failed || !side.in.at_frame_boundary();
    if (excused) excuse(side, side.interval + limits_.ping_timeout);
    if (side.stream.link_state.unread > 0) side.in.spared = false;  // Drover may have taken it for a word
  }

  // Time has ended it.
  void note_end() {
    Side& side = *host_.ended_by == Initiator::kBackend ? backend_ : client_;
    if (closing_) {  // by a write that failed, and nothing better was found since
      REQUIRE(host_.finished && side.in.failed);
      return;
    }
    const MonotonicTime now = host_.now();
    switch (*host_.ended_why) {
      case Why::kIdle: REQUIRE(limits_.idle.count() > 0 && now - active_ >= limits_.idle); return shut_down(1001);
      case Why::kPingTimeout:
        check_given_up(side);
        side.in.owe_close(1001);
        break;
      case Why::kSlow:
        REQUIRE(limits_.stalled_write.count() > 0 && side.stuck && now - *side.stuck >= limits_.stalled_write);
        side.in.owe_close(1008);
        break;
      case Why::kClientLost:
      case Why::kBackendLost:
        REQUIRE((*host_.ended_why == Why::kBackendLost) == (side.name == Initiator::kBackend));
        REQUIRE(side.was_paused && side.stream.link_state.lost);
        side.life = Side::Life::kDead;
        break;
      default: REQUIRE(false);
    }
    side.out.owe_last_words(side.code_for_innocent());
  }
  void check_given_up(const Side& side) {
    const MonotonicTime now = host_.now();
    REQUIRE(side.interval.count() > 0 && !side.was_paused && side.stream.link_state.unread == 0);
    // A ping may wait for a frame whose source is held back because this side takes nothing in.
    const bool held_back = opposite(side).was_paused && !side.in.at_frame_boundary();
    REQUIRE(side.asked > side.heard || side.in.foreign_ping || side.in.failed || held_back);
    // A ping that had to wait for the end of a frame may go to a peer that has spoken meanwhile.
    const bool asked_late = side.asked > side.heard && now - side.asked >= limits_.ping_timeout;
    REQUIRE(asked_late || now - side.heard >= side.interval + limits_.ping_timeout);
    if (side.stream.link_state.unsent) REQUIRE(now - side.acknowledged_at >= limits_.ping_timeout);
  }

  // What `side` has been given since the last time.
  void match(Side& side, Operation operation) {
    REQUIRE(side.stream.late_writes == 0);
    const std::size_t before = side.in.matched();
    if (!side.in.failed) {
      const std::string given =
          side.stream.taken().substr(std::min(side.seen, side.stream.taken().size())) +
          side.stream.waiting().substr(side.seen - std::min(side.seen, side.stream.taken().size()));
      side.seen += given.size();
      side.in.match(given);
    }
    side.in.settle();
    if (side.in.matched() > before) active_ = host_.now();
    if (side.in.new_pings > 0) {
      REQUIRE(side.in.new_pings == 1 && side.interval.count() > 0);
      if (operation == Operation::kTime) REQUIRE(host_.now() - side.heard >= side.interval);
      side.asked = host_.now();
      side.in.new_pings = 0;
    }
  }

  void note_closing(const Side& side) {
    if (!closing_ && (side.in.over || side.in.due || side.life != Side::Life::kAlive)) closing_ = host_.now();
  }

  void check_flow(Side& side) {
    Side& sink = opposite(side);
    const std::size_t queued = sink.stream.queued();
    const bool open = !side.out.over && !side.out.failed;
    if (side.just_read && open) {
      REQUIRE(queued < limits_.max_queued || side.stream.paused());
      constexpr std::size_t kMostHeld = 131;
      REQUIRE(queued <= limits_.max_queued + *side.just_read + kMostHeld + side.out.own_bytes());
      if (queued > 0 && !sink.stuck) sink.stuck = host_.now();
    }
    if (side.stream.paused()) REQUIRE(open && queued > limits_.max_queued / 2);
    if (side.stream.paused() && !side.was_paused) REQUIRE(queued >= limits_.max_queued);
    if (!side.stream.paused() && side.was_paused) {
      hear(side);
    }
    if (queued == 0) sink.stuck.reset(), sink.stuck_grace = Milliseconds(0);
    if (!side.stream.paused() || !side.stream.link_state.lost) {
      side.lost.reset();
    } else if (!side.lost) {
      side.lost = host_.now();
    }
    excuse(side);
  }
  // FIN behind the last that a side is sent, and not before.
  void check_fin(const Side& side) {
    if (side.in.failed) return;
    if (!side.in.over) REQUIRE(!side.stream.fin());
    const bool answered = side.name == Initiator::kClient && closes_exchanged();  // RFC 6455 section 7.1.1
    if (side.in.told || answered || opposite(side).life != Side::Life::kAlive) {
      REQUIRE(side.stream.fin() || side.stream.queued() > 0);
    }
  }
  // What time should have ended.
  void check_deadlines() const {
    constexpr Milliseconds kLookAtPaused{250};
    const MonotonicTime now = host_.now();
    REQUIRE(limits_.idle.count() == 0 || now - active_ < limits_.idle);
    for (const Side* side : {&client_, &backend_}) {
      REQUIRE(side->interval.count() == 0 || now < side->excused_until);
      const Milliseconds most_stuck = limits_.stalled_write + side->stuck_grace;
      REQUIRE(limits_.stalled_write.count() == 0 || !side->stuck || now - *side->stuck < most_stuck);
      REQUIRE(!side->lost || now - *side->lost < kLookAtPaused);
    }
  }
  bool closes_exchanged() const { return inward_.sender_closed() && outward_.sender_closed(); }
  void check_finish(Operation operation) {
    // A client that was answered its Close is not waited for, unless there is more of it.
    const bool answered = closes_exchanged() && backend_.done() && client_.stream.queued() == 0;
    if (answered && client_.stream.link_state.unread > 0) lingers_ = true;
    const bool certain = answered && !lingers_ && !inward_.failed && !outward_.failed;
    if (certain) REQUIRE(host_.finished);
    const bool done = answered || (client_.done() && backend_.done());
    const bool in_time = closing_ && host_.now() - *closing_ >= limits_.close;
    if ((client_.done() && backend_.done()) || (in_time && operation == Operation::kTime)) REQUIRE(host_.finished);
    if (!host_.finished) return;
    REQUIRE(done || in_time);
    REQUIRE(host_.ended_why);
  }

  test::FakeHost& host_;
  const TunnelLimits limits_;
  Direction inward_, outward_;
  Side client_, backend_;
  MonotonicTime active_;                  // something was passed on, or went out of a queue
  std::optional<MonotonicTime> closing_;  // the first sign of its end
  bool was_ended_ = false;
  bool lingers_ = false;  // for a client that sent more behind its Close
};

}  // namespace drover::proxy::fuzz
