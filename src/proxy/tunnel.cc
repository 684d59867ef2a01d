// Which event ends which direction. Reading a side goes on to its EOF even when nothing of it is passed on any more:
// a socket closed over unread bytes would be a reset, and a reset can overtake the Close.
#include "proxy/tunnel.h"

#include <algorithm>
#include <limits>

#include "proxy/session.h"

namespace drover::proxy {

using observe::Initiator;
using observe::Why;
using websocket::CloseCode;

namespace {

// What an innocent side is told when the other one is gone or has broken a rule (RULES 'Frames').
CloseCode code_for_innocent(Initiator offender) {
  return offender == Initiator::kBackend ? CloseCode::kServiceRestart : CloseCode::kGoingAway;
}
const char* reason_for_innocent(Initiator offender) {
  return offender == Initiator::kBackend ? "backend lost" : "client gone";
}

}  // namespace

TunnelLimits tunnel_limits(const config::Pool& settings, const websocket::UpgradeAnswer& answer) {
  using Close = decltype(TunnelLimits::close);
  TunnelLimits limits;
  limits.scan = {settings.limits.max_message_size, settings.limits.max_fragments, answer.permessage_deflate};
  limits.idle = settings.timeouts.idle;
  limits.close = Close(static_cast<Close::rep>(
      std::min<Milliseconds::rep>(settings.timeouts.close.count(), std::numeric_limits<Close::rep>::max())));
  limits.max_queued = static_cast<std::uint32_t>(settings.slow_client.max_queued);  // the loader's bounds fit
  return limits;
}

Tunnel::Tunnel(Session& session, const TunnelLimits& limits)
    : session_(session), limits_(limits), active_at_(session.now()) {
  session.client().set_handler(*this);
  session.backend().set_handler(*this);
}

Tunnel::End Tunnel::end_of(const net::ByteStream& stream) {
  if (&stream == &session_.client()) {
    return {session_.client(), session_.backend(), to_backend_, to_client_, client_, Initiator::kClient};
  }
  return {session_.backend(), session_.client(), to_client_, to_backend_, backend_, Initiator::kBackend};
}

void Tunnel::start(Bytes behind_answer, Bytes behind_request) {
  if (limits_.idle.count() > 0) session_.arm(active_at_ + limits_.idle);
  if (!behind_answer.empty()) relay(end_of(session_.backend()), behind_answer);
  if (!behind_request.empty()) relay(end_of(session_.client()), behind_request);
}

void Tunnel::on_read(net::ByteStream& stream, Bytes bytes) noexcept {
  relay(end_of(stream), bytes);
}

void Tunnel::relay(End end, Bytes bytes) {
  active_at_ = session_.now();
  const std::uint64_t messages = end.from.messages();
  const std::uint64_t passed = end.from.bytes();
  const Relay::Event event = end.from.feed(bytes, end.other, limits_.scan);
  auto& counters = session_.counters();
  const bool inward = end.initiator == Initiator::kClient;
  (inward ? counters.messages_in : counters.messages_out).add(end.from.messages() - messages);
  (inward ? counters.bytes_in : counters.bytes_out).add(end.from.bytes() - passed);
  switch (event) {
    case Relay::Event::kNone: break;
    case Relay::Event::kClosePassed:
      session_.note_end(end.initiator, Why::kNormal);
      begin_closing();
      break;
    case Relay::Event::kCloseSent: stop_sending_to(end_of(end.other)); break;
    case Relay::Event::kViolation: on_violation(end); break;
  }
  if (end.from.ended()) return;
  if (end.other.write_failed()) {
    // What the other side said before it went can still be read, and its end will be: only this direction is over.
    end.from.discard();
    begin_closing();
  } else if (end.other.queued() >= limits_.max_queued) {
    end.stream.pause(net::PauseReason::kPeerSlow);
  }
}

void Tunnel::on_violation(End offender) {
  const auto& violation = offender.from.violation();
  session_.counters().protocol_errors.add(1);
  session_.note_end(Initiator::kDrover, violation.code == CloseCode::kTooBig ? Why::kTooBig : Why::kProtocolError);
  close_towards(offender, violation.code, violation.reason);
  const End innocent = end_of(offender.other);
  offender.from.abandon(code_for_innocent(offender.initiator), reason_for_innocent(offender.initiator), offender.other);
  stop_sending_to(innocent);
  begin_closing();
}

// Sends Drover's own Close to this side, now or at the next frame boundary of what it is being sent.
void Tunnel::close_towards(End end, CloseCode code, const char* reason) {
  if (end.towards.send_close(code, reason, end.stream)) stop_sending_to(end);
}

// The last bytes for this side have been written: FIN behind them, and its source is only drained from here on.
void Tunnel::stop_sending_to(End end) {
  end.stream.finish_writing();
  end.other.resume(net::PauseReason::kPeerSlow);
}

void Tunnel::shut_down(CloseCode code, const char* reason, Why why) {
  session_.note_end(Initiator::kDrover, why);
  close_towards(end_of(session_.client()), code, reason);
  close_towards(end_of(session_.backend()), code, reason);
  begin_closing();
  finish_if_done();
}

void Tunnel::on_read_end(net::ByteStream& stream, net::ReadEnd read_end) noexcept {
  End end = end_of(stream);
  end.life = read_end == net::ReadEnd::kEof ? Life::kEof : Life::kDead;
  if (!end.from.ended()) {
    session_.note_end(end.initiator, end.initiator == Initiator::kClient ? Why::kClientLost : Why::kBackendLost);
    end.from.abandon(code_for_innocent(end.initiator), reason_for_innocent(end.initiator), end.other);
  }
  stop_sending_to(end_of(end.other));
  if (end.life == Life::kDead) {
    end.towards.discard();
    end.other.resume(net::PauseReason::kPeerSlow);
  }
  begin_closing();
  finish_if_done();
}

void Tunnel::on_written(net::ByteStream& stream) noexcept {
  const End end = end_of(stream);
  active_at_ = session_.now();
  if (stream.write_failed()) {
    end.towards.discard();
    begin_closing();
  }
  if (stream.queued() <= limits_.max_queued / 2) end.other.resume(net::PauseReason::kPeerSlow);
  finish_if_done();
}

void Tunnel::on_closed(net::ByteStream&) noexcept {
  session_.on_stream_closed();
}

void Tunnel::begin_closing() {
  if (closing_) return;
  closing_ = true;
  session_.arm(session_.now() + limits_.close);
}

void Tunnel::on_deadline() {
  if (closing_) {
    session_.finish();
  } else if (session_.now() - active_at_ >= limits_.idle) {
    shut_down(CloseCode::kGoingAway, "idle", Why::kIdle);
  } else {
    session_.arm(active_at_ + limits_.idle);
  }
}

void Tunnel::finish_if_done() {
  const auto done = [](Life life, const net::ByteStream& stream) {
    return life == Life::kDead || (life == Life::kEof && (stream.queued() == 0 || stream.write_failed()));
  };
  if (done(client_, session_.client()) && done(backend_, session_.backend())) session_.finish();
}

}  // namespace drover::proxy
