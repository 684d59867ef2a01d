// Which event ends which direction. Reading a side goes on to its EOF even when nothing of it is passed on any more:
// a socket closed over unread bytes would be a reset, and a reset can overtake the Close.
#include "proxy/tunnel.h"

#include <algorithm>
#include <limits>

namespace drover::proxy {

using observe::Initiator;
using observe::Why;
using websocket::CloseCode;
using websocket::Sender;

namespace {

// The grain of the timers, and what a client of a lost backend is promised (RULES 'Faults').
constexpr Milliseconds kHardlyLater{50};

const char* reason_for_innocent(Initiator offender) {
  return offender == Initiator::kBackend ? "backend lost" : "client gone";
}

Why lost(Initiator side) {
  return side == Initiator::kClient ? Why::kClientLost : Why::kBackendLost;
}

TunnelLimits::Span span_of(Milliseconds duration) {
  using Count = TunnelLimits::Span::rep;
  constexpr Milliseconds::rep kMost = std::numeric_limits<Count>::max();
  return TunnelLimits::Span(static_cast<Count>(std::min(duration.count(), kMost)));
}

}  // namespace

TunnelLimits tunnel_limits(const config::Pool& settings, const websocket::UpgradeAnswer& answer) {
  TunnelLimits limits;
  limits.scan = {.max_message_size = settings.limits.max_message_size,
                 .max_fragments = settings.limits.max_fragments,
                 .permessage_deflate = answer.permessage_deflate};
  limits.idle = settings.timeouts.idle;
  limits.close = span_of(settings.timeouts.close);
  limits.stalled_write = span_of(settings.timeouts.stalled_write);
  limits.ping_client = span_of(settings.ping.clients);
  limits.ping_backend = span_of(settings.ping.backends);
  limits.ping_timeout = span_of(settings.ping.timeout);
  limits.farewell_pace = static_cast<float>(settings.lost_backend.close_pace);
  limits.max_queued = static_cast<std::uint32_t>(settings.slow_client.max_queued);  // the loader's bounds fit
  return limits;
}

Tunnel::Tunnel(TunnelHost& host, const TunnelLimits& limits)
    : host_(host),
      limits_(limits),
      active_at_(host.now()),
      client_{.from = Relay(Sender::kClient), .pulse = Pulse(host.now())},
      backend_{.from = Relay(Sender::kBackend), .pulse = Pulse(host.now())} {
  host_.client().set_handler(*this);
  host_.backend().set_handler(*this);
}

void Tunnel::start(Bytes behind_answer, Bytes behind_request) {
  arm_next();
  if (!behind_answer.empty()) on_read(host_.backend(), behind_answer);
  if (!behind_request.empty()) on_read(host_.client(), behind_request);
}

Relay::Injected Tunnel::inject(Side towards, websocket::Opcode opcode, Bytes payload) {
  const End end = towards == Side::kClient ? client_end() : backend_end();
  return end.towards().inject(opcode, payload, end.stream);
}

void Tunnel::on_read(net::ByteStream& stream, Bytes bytes) noexcept {
  if (movable_ != nullptr) [[unlikely]]
    return relay_movable(end_of(stream), bytes);
  relay(end_of(stream), bytes);
}

void Tunnel::relay(const End& end, Bytes bytes) {
  const MonotonicTime now = host_.now();
  end.self.pulse.hear(now);
  // A backend that has been given up and speaks again: its answer to that Close must not come before the client's turn.
  if (owes_farewell() && end.initiator == Initiator::kBackend) return;
  Relay& from = end.from();
  const std::uint64_t messages = from.messages();
  const std::uint64_t bytes_before = from.bytes();
  const bool inward = end.initiator == Initiator::kClient;
  const auto [pool, backend] = host_.books();
  auto& passed_on = inward ? pool.in : pool.out;
  const Relay::Event event = from.feed(bytes, end.other, limits_.scan, passed_on.messages, *this);
  const std::uint64_t passed = from.bytes() - bytes_before;
  if (passed > 0) active_at_ = now;  // answers to pings of Drover's own do not keep a session from being idle
  passed_on.bytes.add(passed);
  (inward ? backend.messages_in : backend.messages_out).add(from.messages() - messages);
  (inward ? backend.bytes_in : backend.bytes_out).add(passed);
  switch (event) {
    case Relay::Event::kNone: break;
    case Relay::Event::kClosePassed:
      passed_on.closes.add(1);
      host_.note_end(end.initiator, Why::kNormal);
      begin_closing();
      if (closes_exchanged()) {
        stop_sending_to(client_end());  // as ends_with_close() has it, whose Close ever was the second
        finish_if_done();
      }
      break;
    case Relay::Event::kCloseTaken: return hear_backend_close();
    case Relay::Event::kCloseSent: stop_sending_to(opposite(end)); break;
    case Relay::Event::kViolation: {
      const auto& violation = from.violation();
      note_own_end(Initiator::kDrover, violation.code == CloseCode::kProtocolError ? Why::kProtocolError : Why::kTooBig,
                   violation.code);
      expel(end, violation.code, violation.reason);
      break;
    }
  }
  if (!from.ended()) hold_back(end);
}

// The other side does not take everything: its source waits.
void Tunnel::hold_back(const End& end) {
  const std::size_t queued = end.other.queued();
  if (end.other.write_failed()) return give_up_on(opposite(end));
  if (queued == 0) return;
  if (limits_.stalled_write.count() > 0 && end.peer.stuck_since == MonotonicTime{}) {
    end.peer.stuck_since = host_.now();
    end.peer.taken = static_cast<std::uint32_t>(end.other.link().acknowledged);
    arm_next();
  }
  if (queued >= limits_.max_queued && !end.stream.paused()) {
    end.stream.pause(net::PauseReason::kPeerSlow);
    if (movable_ != nullptr && end.initiator == Initiator::kBackend) movable_->backend_waited = true;
    arm_next();
  }
}

// It takes nothing any more. What it said before it went can still be read, and its end will be: only the direction
// towards it is over. A backend's is, too, where its client waits to be told.
void Tunnel::give_up_on(const End& deaf) {
  // Its end is about to be read, and then it shows whether another one takes its place.
  if (movable_ != nullptr && deaf.initiator == Initiator::kBackend && is_whole()) return;
  deaf.towards().discard();
  if (!owes_farewell() || deaf.initiator == Initiator::kClient) begin_closing();
}

void Tunnel::resume(const End& end) {
  if (!end.stream.paused()) return;
  end.stream.resume(net::PauseReason::kPeerSlow);
  end.self.pulse.hear(host_.now());  // it was not heard because nobody listened
}

// One side goes for what it did, or left undone: it is told why, and the innocent side that it is alone.
void Tunnel::expel(const End& offender, CloseCode code, const char* reason) {
  close_towards(offender, code, reason);
  offender.from().abandon(code_for_innocent(offender.initiator), reason_for_innocent(offender.initiator),
                          offender.other);
  stop_sending_to(opposite(offender));
  begin_closing();
}

// Sends Drover's own Close to this side, now or at a frame boundary of what comes next for it.
void Tunnel::close_towards(const End& end, CloseCode code, const char* reason) {
  if (end.towards().inject_close(code, reason, end.stream) == Relay::Injected::kSent) stop_sending_to(end);
}

// An end that is told with a Close of Drover's own. Where something else has ended it before, that Close tells nothing.
void Tunnel::note_own_end(Initiator initiator, Why why, CloseCode code) {
  if (host_.note_end(initiator, why)) own_close_ = static_cast<std::uint16_t>(code);
}

std::uint16_t Tunnel::close_code(Initiator initiator) const {
  if (initiator == Initiator::kClient && client_.from.close_code() != 0) return client_.from.close_code();
  if (initiator == Initiator::kBackend && backend_.from.close_code() != 0) return backend_.from.close_code();
  return own_close_;
}

std::string Tunnel::offence() const {
  if (client_.from.violated()) return std::string(client_.from.violation().reason) + ", from the client";
  if (backend_.from.violated()) return std::string(backend_.from.violation().reason) + ", from the backend";
  return {};
}

bool Tunnel::closes_exchanged() const {
  return client_.from.close_code() != 0 && backend_.from.close_code() != 0;
}

// To a client that has said Close, the backend's is the last word: RFC 6455 section 7.1.1 has the server, which Drover
// is for it, end the connection then. The other way round it is the backend's to do.
bool Tunnel::ends_with_close(const Relay& relay) {
  return &relay == &backend_.from && client_.from.close_code() != 0;
}

// The last bytes for this side have been written: FIN behind them, and its source is only drained from here on.
void Tunnel::stop_sending_to(const End& end) {
  end.stream.finish_writing();
  resume(opposite(end));
}

void Tunnel::shut_down(CloseCode code, const char* reason, Why why) {
  note_own_end(Initiator::kDrover, why, code);
  close_towards(client_end(), code, reason);
  close_towards(backend_end(), CloseCode::kGoingAway, reason);
  begin_closing();
  finish_if_done();
}

void Tunnel::on_read_end(net::ByteStream& stream, net::ReadEnd read_end) noexcept {
  const End end = end_of(stream);
  if (end.self.life != Life::kAlive) return;  // known already, from the look at a paused stream
  // Frames tell their own ends, so a truncated stream is just one that has ended.
  const bool ended = read_end == net::ReadEnd::kEof || read_end == net::ReadEnd::kTruncated;
  end.self.life = ended ? Life::kEof : Life::kDead;
  if (!end.from().ended() && moves_on_without(end)) return;
  if (end.self.life == Life::kDead) {
    end.towards().discard();
    resume(opposite(end));
  }
  if (end.from().ended()) return say_farewell(end);
  host_.note_end(end.initiator, lost(end.initiator));
  lose(end);
}

// A side is gone without a Close. The clients of a backend that has crashed are told so one after the other: if they
// all came back at once, they might be the next crash.
void Tunnel::lose(const End& gone) {
  if (gone.initiator == Initiator::kBackend && !closing_) {
    if (owes_farewell()) return;  // it is waiting for its turn already
    farewell_at_ = host_.farewell_slot(static_cast<double>(limits_.farewell_pace));
    if (farewell_at_ > host_.now() + kHardlyLater) {
      if (movable_ != nullptr) abandon_handoff();
      return arm_next();
    }
  }
  say_farewell(gone);
}

CloseCode Tunnel::code_for_innocent(Initiator offender) {
  return offender == Initiator::kBackend ? CloseCode::kServiceRestart : CloseCode::kGoingAway;
}

void Tunnel::say_farewell(const End& gone, CloseCode code) {
  if (gone.initiator == Initiator::kBackend) farewell_at_ = {};
  gone.from().abandon(code, reason_for_innocent(gone.initiator), gone.other);
  stop_sending_to(opposite(gone));
  begin_closing();
  finish_if_done();
}

void Tunnel::on_written(net::ByteStream& stream) noexcept {
  const End end = end_of(stream);
  active_at_ = host_.now();
  if (stream.write_failed()) give_up_on(end);
  const std::size_t queued = stream.queued();
  if (end.self.stuck_since != MonotonicTime{}) end.self.stuck_since = queued > 0 ? host_.now() : MonotonicTime{};
  if (queued <= limits_.max_queued / 2) resume(opposite(end));
  finish_if_done();
}

void Tunnel::on_closed(net::ByteStream&) noexcept {
  host_.on_stream_closed();
}

void Tunnel::begin_closing() {
  if (closing_) return;
  closing_ = true;
  host_.arm(host_.now() + limits_.close);
  if (owes_farewell()) say_farewell(backend_end());  // the end does not wait for its turn
  if (movable_ != nullptr) abandon_handoff();        // last: what was held may have the other Close
}

void Tunnel::finish_if_done() {
  const auto done = [](Life life, const net::ByteStream& stream) {
    return life == Life::kDead || (life == Life::kEof && (stream.queued() == 0 || stream.write_failed()));
  };
  if (!done(backend_.life, host_.backend())) return;
  // A client that has said Close and was answered need not be waited for, unless closing over what it has sent behind
  // its Close would be a reset.
  const net::ByteStream& client = host_.client();
  if (done(client_.life, client) || (closes_exchanged() && client.queued() == 0 && client.unread() == 0)) finish();
}

void Tunnel::finish() {
  // Where a write failed, the Close that may have come before it was waited for; none came, so this is the cause.
  for (const End& end : {client_end(), backend_end()}) {
    if (end.stream.write_failed()) host_.note_end(end.initiator, lost(end.initiator));
    // Whoever has got all that there was for it is told so: with TLS, close() alone would look like a cut.
    if (end.self.life != Life::kDead && end.stream.queued() == 0) end.stream.finish_writing();
  }
  host_.finish();
}

}  // namespace drover::proxy
