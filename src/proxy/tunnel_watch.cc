// The tunnel's deadlines: idle, peers that are silent, peers that take nothing in, and those that vanish unread. One
// timer serves them all; what happens meanwhile only stores the time, and the timer looks again when it fires.
#include <algorithm>

#include "proxy/tunnel.h"

namespace drover::proxy {

using observe::Initiator;
using observe::Why;
using websocket::CloseCode;
using websocket::Opcode;

namespace {

// A stream that is not read does not see its peer go, so somebody has to look.
constexpr Milliseconds kLookAtPaused{250};
// Whoever is still there then is no connection that comes and goes.
constexpr Milliseconds kKeepAliveAfter{30'000};

}  // namespace

PingLimits Tunnel::ping_limits(const End& end) const {
  return {end.initiator == Initiator::kClient ? limits_.ping_client : limits_.ping_backend, limits_.ping_timeout};
}

void Tunnel::on_deadline() {
  if (closing_) return finish();
  if (owes_farewell()) {
    if (host_.now() >= farewell_at_) return say_farewell(backend_end());
    return arm_next();
  }
  keep_alive();
  const MonotonicTime now = host_.now();
  if (limits_.idle.count() > 0 && now - active_at_ >= limits_.idle) {
    return shut_down(CloseCode::kGoingAway, "idle", Why::kIdle);
  }
  watch(client_end(), now);
  if (!closing_ && !has_no_backend()) watch(backend_end(), now);
  arm_next();
}

// At the first deadline, whichever it is.
void Tunnel::keep_alive() {
  if (kept_alive_) return;
  kept_alive_ = true;
  host_.client().keep_alive();
  host_.backend().keep_alive();
}

void Tunnel::watch(const End& end, MonotonicTime now) {
  if (is_stuck(end, now)) {
    note_own_end(end.initiator, Why::kSlow, CloseCode::kPolicyViolation);
    return expel(end, CloseCode::kPolicyViolation, "too slow");
  }
  if (!end.stream.paused()) return watch_pulse(end, now);
  if (end.stream.link().lost) on_read_end(end.stream, net::ReadEnd::kReset);
}

// Whether bytes have waited for this side for stalled_write, and it has taken none. The socket tells of room only when
// there is a lot of it, so what the peer acknowledges counts too.
bool Tunnel::is_stuck(const End& end, MonotonicTime now) const {
  if (end.self.stuck_since == MonotonicTime{}) return false;
  const auto taken = static_cast<std::uint32_t>(end.stream.link().acknowledged);
  if (taken != end.self.taken) {
    end.self.taken = taken;
    end.self.stuck_since = now;
  }
  return now - end.self.stuck_since >= limits_.stalled_write;
}

void Tunnel::watch_pulse(const End& end, MonotonicTime now) {
  Pulse& pulse = end.self.pulse;
  const auto due = pulse.due(now, ping_limits(end));
  if (due == Pulse::Due::kNothing) return;
  if (due == Pulse::Due::kPing) return ping(end, now);
  const net::Link link = end.stream.link();
  if (link.unread > 0) return pulse.hear(now);  // it is Drover that is late
  // A ping that waits for the end of a frame: it is the other side's doing, unless that is held back for this one.
  if (pulse.waits() && !end.other.paused()) return pulse.note_waiting(now, link);
  if (pulse.takes_in(now, link)) return;
  if (moves_on_without(end)) return;
  note_own_end(end.initiator, Why::kPingTimeout, CloseCode::kGoingAway);
  if (end.initiator == Initiator::kClient) return expel(end, CloseCode::kGoingAway, "ping timeout");
  close_towards(end, CloseCode::kGoingAway, "ping timeout");
  lose(end);
}

void Tunnel::lose_backend() {
  const End end = backend_end();
  if (!is_whole() || moves_on_without(end)) return;
  note_own_end(end.initiator, Why::kBackendLost, CloseCode::kGoingAway);
  close_towards(end, CloseCode::kGoingAway, "down");
  lose(end);
}

void Tunnel::ping(const End& end, MonotonicTime now) {
  Pulse& pulse = end.self.pulse;
  const net::Link before = end.stream.link();
  if (pulse.waits()) return pulse.note_waiting(now, before);  // one is enough
  if (!pulse.owes_pong()) {
    const auto payload = pulse.next_ping();
    const auto sent_at = host_.precise_now();  // a busy machine may take its time over the write, and the peer has it
    switch (end.towards().inject(Opcode::kPing, payload, end.stream)) {
      case Relay::Injected::kSent: pulse.note_sent(sent_at); break;
      case Relay::Injected::kWaiting: return pulse.note_waiting(now, before);
      case Relay::Injected::kDropped: return pulse.hear(now);  // out of memory: later
    }
  }
  pulse.note_asked(now, before);
}

observe::Passed& Tunnel::passed_by(const Relay& relay) {
  auto& pool = host_.books().pool;
  return &relay == &client_.from ? pool.in : pool.out;
}

bool Tunnel::takes_pong(const Relay& relay, Bytes payload) {
  const bool from_backend = &relay == &backend_.from;
  Pulse& pulse = (from_backend ? backend_ : client_).pulse;
  if (!pulse.answers(payload, host_.precise_now())) {
    if (from_backend && movable_ != nullptr) {
      if (movable_->handoff && movable_->handoff->takes_pong(payload)) return true;
      forget_client_ping(payload);
    }
    passed_by(relay).pongs.add(1);
    return false;
  }
  if (from_backend && pulse.rtt()) host_.note_backend_round_trip(*pulse.rtt());
  return true;
}

void Tunnel::on_ping_passed(const Relay& relay, const websocket::ControlFrame& ping) {
  passed_by(relay).pings.add(1);
  if (movable_ != nullptr && &relay == &client_.from) {
    websocket::ControlPayload room;
    movable_->client_ping = std::string(as_text(ping.payload(room)));
  }
  Peer& receiver = &relay == &client_.from ? backend_ : client_;
  receiver.pulse.note_foreign_ping();
}

void Tunnel::on_ping_injected(const Relay& relay) {
  const End receiver = &relay == &client_.from ? backend_end() : client_end();
  receiver.self.pulse.note_sent(host_.precise_now());
  receiver.self.pulse.note_asked(host_.now(), receiver.stream.link());
  arm_next();
}

void Tunnel::arm_next() {
  if (closing_) return;  // nothing moves the end
  if (owes_farewell()) return host_.arm(farewell_at_);
  constexpr MonotonicTime kNever = MonotonicTime::max();
  MonotonicTime next = kept_alive_ ? kNever : host_.now() + kKeepAliveAfter;
  if (limits_.idle.count() > 0) next = std::min(next, active_at_ + limits_.idle);
  for (const End& end : {client_end(), backend_end()}) {
    if (end.initiator == Initiator::kBackend && has_no_backend()) continue;
    const PingLimits pings = ping_limits(end);
    // It may speak and be silent again before any other deadline.
    if (pings.interval.count() > 0) next = std::min(next, host_.now() + pings.interval);
    if (end.self.stuck_since != MonotonicTime{}) {
      const MonotonicTime look = host_.now() + std::max(limits_.stalled_write / 4, TunnelLimits::Span(1));
      next = std::min({next, look, MonotonicTime(end.self.stuck_since + limits_.stalled_write)});
    }
    if (end.stream.paused()) {
      next = std::min(next, host_.now() + kLookAtPaused);
    } else if (const auto due = end.self.pulse.next_due(pings)) {
      next = std::min(next, *due);
    }
  }
  if (next != kNever) host_.arm(next);
}

}  // namespace drover::proxy
