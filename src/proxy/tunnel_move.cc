// A tunnel whose backend may change. What comes from such a backend is looked through for messages to Drover before it
// is relayed, and the client can be held between two of its messages.
#include <algorithm>

#include "proxy/tunnel.h"

namespace drover::proxy {

using observe::Initiator;
using observe::Why;
using websocket::CloseCode;
using websocket::Opcode;
using websocket::Towards;

namespace {

// The Closes of a server that goes away: whoever answers the client's next connection could go on (DESIGN section 7).
bool means_going_away(std::uint16_t code) {
  return code == static_cast<std::uint16_t>(CloseCode::kGoingAway) ||
         code == static_cast<std::uint16_t>(CloseCode::kServiceRestart);
}

}  // namespace

void Tunnel::make_movable(std::unique_ptr<Movable> movable) {
  movable_ = std::move(movable);
}

bool Tunnel::client_is_held() const {
  return movable_->hold == Movable::Hold::kHeld;
}

bool Tunnel::has_no_backend() const {
  if (movable_ == nullptr) return false;
  return movable_->backend_closed || (movable_->handoff != nullptr && movable_->handoff->backend_has_left());
}

bool Tunnel::hold_client() {
  if (client_is_held()) return true;
  movable_->hold = Movable::Hold::kWanted;
  if (!client_is_between_messages()) return false;
  hold_now({});
  return true;
}

void Tunnel::hold_now(Bytes rest) {
  movable_->hold = Movable::Hold::kHeld;
  movable_->held.assign(rest.begin(), rest.end());
  host_.client().pause(net::PauseReason::kHeld);
  arm_next();  // somebody has to see whether it is lost
}

void Tunnel::release_client() {
  if (std::exchange(movable_->hold, Movable::Hold::kNone) != Movable::Hold::kHeld) return;
  const auto held = std::exchange(movable_->held, {});
  host_.client().resume(net::PauseReason::kHeld);
  client_.pulse.hear(host_.now());
  if (!held.empty()) on_read(host_.client(), held);
}

void Tunnel::relay_movable(const End& end, Bytes bytes) {
  if (end.initiator == Initiator::kBackend) return relay_from_backend(end, bytes);
  switch (movable_->hold) {
    case Movable::Hold::kNone: return relay(end, bytes);
    case Movable::Hold::kWanted: return relay_up_to_boundary(end, bytes);
    case Movable::Hold::kHeld: movable_->held.insert(movable_->held.end(), bytes.begin(), bytes.end()); return;
  }
}

// In steps that never go beyond the end of a message, whatever the read has brought.
void Tunnel::relay_up_to_boundary(const End& client, Bytes bytes) {
  while (!bytes.empty() && !client_is_between_messages()) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(client.from().up_to_boundary(), bytes.size()));
    relay(client, bytes.first(size));
    bytes = bytes.subspan(size);
    if (closing_ || client.from().ended()) return;
    if (movable_->hold != Movable::Hold::kWanted) return relay(client, bytes);
  }
  if (!client_is_between_messages()) return;
  hold_now(bytes);
  if (movable_->handoff != nullptr) movable_->handoff->on_client_held();
}

void Tunnel::relay_from_backend(const End& backend, Bytes bytes) {
  Movable& movable = *movable_;
  if (movable.handoff != nullptr) {
    movable.handoff->on_backend_heard(host_.now());
    if (movable.handoff->backend_has_left()) {
      movable.discarded = true;
      return;
    }
  }
  if (movable.screen != nullptr) return relay_screened(backend, bytes);
  relay(backend, bytes);
}

void Tunnel::relay_screened(const End& backend, Bytes bytes) {
  const net::ByteStream* const stream = &backend.stream;
  // A Close or a message to Drover may have given its place to another one, with another screen.
  const auto still_serves = [&] { return !backend.from().ended() && !has_no_backend() && &host_.backend() == stream; };
  backend.self.pulse.hear(host_.now());
  while (!bytes.empty() && still_serves()) {
    BackendScreen& screen = *movable_->screen;
    const bool may_be_compressed = movable_->deflate && movable_->handoff != nullptr && movable_->handoff->is_leaving();
    const auto step = screen.take(
        bytes, may_be_compressed ? BackendScreen::Compressed::kMayBeOurs : BackendScreen::Compressed::kPasses);
    for (const Bytes piece : {step.held, step.pass}) {
      if (!piece.empty()) relay(backend, piece);
      if (!still_serves()) return;
    }
    if (step.stop == BackendScreen::Stop::kBroken) return refuse_broken_message(backend);
    bytes = bytes.subspan(step.consumed);
    if (step.stop == BackendScreen::Stop::kMessage) hear_message(screen, !bytes.empty());
  }
}

// The backend broke off a message to Drover, which the scanner has never seen.
void Tunnel::refuse_broken_message(const End& backend) {
  note_own_end(Initiator::kDrover, Why::kProtocolError, CloseCode::kProtocolError);
  expel(backend, CloseCode::kProtocolError, "a message to Drover was broken off");
}

// `more`: something has come behind it.
void Tunnel::hear_message(const BackendScreen& screen, bool more) {
  Handoff* const handoff = movable_->handoff.get();
  switch (screen.verb()) {
    case migration::Verb::kOther: return;
    case migration::Verb::kLeft:
      if (handoff != nullptr && handoff->is_leaving()) {
        movable_->discarded = more;
        const std::string state(screen.state().value_or(""));
        return handoff->on_left(state);
      }
      [[fallthrough]];  // unasked, it asks
    case migration::Verb::kLeaving:
      if (is_whole()) movable_->host.begin_handoff(HandoffStart::kLeaving, {});  // a move that goes on may yet fail
      return;
  }
}

bool Tunnel::takes_close(const Relay& relay, std::uint16_t code) {
  if (movable_ == nullptr || &relay != &backend_.from || !is_whole()) return false;
  movable_->close_taken = code;
  const Handoff* const handoff = movable_->handoff.get();
  if (handoff != nullptr && handoff->is_leaving()) return means_going_away(code) || handoff->asked_to_close();
  if (!means_going_away(code)) return false;
  return handoff != nullptr || movable_->host.may_follow_close();
}

void Tunnel::hear_backend_close() {
  const auto going = static_cast<CloseCode>(movable_->close_taken);
  close_backend(going);
  if (!backend_is_between_messages()) return end_without_backend(CloseCode::kServiceRestart);
  Handoff* const handoff = movable_->handoff.get();
  if (handoff != nullptr && handoff->is_leaving()) return handoff->on_backend_ended();
  if (!client_is_between_messages()) return end_without_backend(CloseCode::kServiceRestart);
  if (handoff == nullptr) {
    if (!movable_->host.begin_handoff(HandoffStart::kClosed, going)) end_without_backend(going);
    return;
  }
  hold_client();
  handoff->on_backend_ended();
}

// Whether somebody else takes the place of a backend that is lost.
bool Tunnel::moves_on_without(const End& gone) {
  if (movable_ == nullptr || gone.initiator != Initiator::kBackend || !is_whole()) return false;
  if (Handoff* const handoff = movable_->handoff.get()) {
    if (handoff->backend_is_gone()) return true;
    if (handoff->is_leaving() && !backend_is_between_messages()) return false;
    if (handoff->is_leaving() || handoff->backend_has_left()) {
      handoff->on_backend_ended();
      return true;
    }
    handoff->call_off();  // it was to be asked, and can be asked no more
    if (!is_whole()) return false;
  }
  if (!client_is_between_messages() || !backend_is_between_messages()) return false;
  return movable_->host.begin_handoff(HandoffStart::kRescue, CloseCode::kServiceRestart);
}

// What the client has said meanwhile goes on to a backend that is still there: its answer to the backend's Close may be
// in it, or the front of what is yet to come.
void Tunnel::abandon_handoff() {
  if (movable_->handoff != nullptr) movable_->handoff->on_tunnel_closing();
  if (movable_->backend_closed) client_.from.discard();
  release_client();
}

void Tunnel::tell_backend(std::string_view text) {
  client_.from.inject(Opcode::kText, as_bytes(text), host_.backend());
}

bool Tunnel::ask_backend(Bytes payload) {
  return client_.from.inject(Opcode::kPing, payload, host_.backend()) == Relay::Injected::kSent;
}

void Tunnel::close_backend(CloseCode code) {
  if (std::exchange(movable_->backend_closed, true)) return;
  if (!client_.from.at_frame_boundary()) return host_.backend().finish_writing();  // it would be a part of that frame
  host_.backend().write_last(websocket::make_close(Towards::kBackend, code, "moved"));
}

void Tunnel::end_without_backend(CloseCode code) {
  host_.note_end(Initiator::kBackend, Why::kBackendLost);
  close_backend(CloseCode::kGoingAway);
  client_.from.discard();
  say_farewell(backend_end(), code);
}

void Tunnel::go_on_with_backend(Bytes early) {
  const End backend = backend_end();
  backend_.life = Life::kAlive;
  backend_.pulse = Pulse(host_.now());
  backend_.stuck_since = {};
  backend_.from.restart();
  movable_->discarded = movable_->backend_closed = false;
  backend.stream.set_handler(*this);
  if (kept_alive_) backend.stream.keep_alive();
  if (const auto ping = std::exchange(movable_->client_ping, std::nullopt)) {
    backend_.from.inject(Opcode::kPong, as_bytes(*ping), host_.client());
  }
  resume(client_end());
  if (host_.client().queued() >= limits_.max_queued) backend.stream.pause(net::PauseReason::kPeerSlow);
  backend.stream.resume(net::PauseReason::kHeld);
  release_client();  // first: by what it has said early, the backend may want to go at once, and the client be held
  if (!early.empty()) on_read(backend.stream, early);
  arm_next();
}

bool Tunnel::backend_has_waited() {
  const bool waits = host_.backend().paused();
  return std::exchange(movable_->backend_waited, waits) || waits;
}

void Tunnel::forget_client_ping(Bytes pong) {
  if (movable_->client_ping && *movable_->client_ping == as_text(pong)) movable_->client_ping.reset();
}

}  // namespace drover::proxy
