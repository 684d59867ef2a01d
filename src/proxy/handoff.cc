// Whatever ends a handoff destroys it, so each such call is the last thing that its caller does.
#include "proxy/handoff.h"

#include "base/random.h"
#include "net/timer_wheel.h"
#include "proxy/tunnel.h"

namespace drover::proxy {

using migration::EnterWhy;
using migration::HandoffAction;
using migration::HandoffEvent;
using migration::HandoffState;
using observe::MoveResult;
using websocket::CloseCode;
using websocket::Opcode;
using websocket::Towards;

namespace {

// How often the old backend is looked at: the wheel's own grain.
constexpr Milliseconds kLook = net::TimerWheel::kTick;

}  // namespace

Handoff::Handoff(Tunnel& tunnel, HandoffHost& host, const Terms& terms, const Beginning& beginning)
    : tunnel_(tunnel), host_(host), terms_(terms), beginning_(beginning) {
  if (beginning.start == HandoffStart::kClosed) why_ = EnterWhy::kClosed;
  if (beginning.start == HandoffStart::kRescue) why_ = EnterWhy::kRescued;
  if (beginning.start >= HandoffStart::kClosed) state_.old = HandoffState::Old::kGone;
}

void Handoff::begin() {
  if (backend_is_gone()) hold();
  begin_stage(terms_.timeout);
  if (beginning_.not_before <= tunnel_.now()) return dial();
  deadline_ = beginning_.not_before + terms_.timeout;
  host_.arm_handoff(beginning_.not_before);
}

void Handoff::begin_stage(Milliseconds length) {
  looked_at_ = tunnel_.now();
  deadline_ = looked_at_ + length;
  host_.arm_handoff(std::min(deadline_, looked_at_ + kLook));
}

void Handoff::take(HandoffEvent event) {
  const auto [state, action] = migration::advance(state_, event);
  state_ = state;
  act(action);
}

void Handoff::act(HandoffAction action) {
  switch (action) {
    case HandoffAction::kNothing:
      if (is_only_asked() && state_.next == HandoffState::Next::kNone) stay(MoveResult::kFailed);
      return;
    case HandoffAction::kHold: return hold();
    case HandoffAction::kLeave: return leave();
    case HandoffAction::kDial: return dial();
    case HandoffAction::kJoin: return join();
    case HandoffAction::kReturn: return give_back();
    case HandoffAction::kStay: return stay(result_ == MoveResult::kOk ? MoveResult::kFailed : result_);
    case HandoffAction::kBreak: return break_off();
  }
}

void Handoff::dial() {
  dialled_ = true;
  if (state_.committed()) begin_stage(terms_.timeout);
  if (!host_.dial_next()) take(HandoffEvent::kNobody);
}

void Handoff::on_opened() {
  if (!state_.committed()) begin_stage(terms_.timeout);
  take(HandoffEvent::kOpened);
}

void Handoff::on_dial_failed(Failure failure) {
  if (failure == Failure::kRefused && !state_.committed()) result_ = MoveResult::kRefused;
  take(failure == Failure::kRefused ? HandoffEvent::kRefused : HandoffEvent::kUnreachable);
}

void Handoff::call_off() {
  take(HandoffEvent::kCalledOff);
}

void Handoff::hold() {
  if (tunnel_.hold_client()) on_client_held();
}

void Handoff::on_client_held() {
  held_since_ = tunnel_.precise_now();
  take(HandoffEvent::kHeld);
}

void Handoff::leave() {
  begin_stage(terms_.timeout);
  heard_at_ = tunnel_.now();
  if (terms_.form == Form::kContract) return tunnel_.tell_backend(migration::leave_text(tunnel_.movable()->key));
  fill_random(ping_);
  tunnel_.ask_backend(ping_);
}

void Handoff::on_left(std::string_view state) {
  if (state.empty()) {
    result_ = MoveResult::kForced;
  } else {
    why_ = EnterWhy::kLeft;
    left_state_ = state;
  }
  take(HandoffEvent::kLeft);
}

void Handoff::on_backend_ended() {
  if (state_.old == HandoffState::Old::kServing) {  // it has closed, so the client is held from here on
    why_ = EnterWhy::kClosed;
    held_since_ = tunnel_.precise_now();
  }
  if (state_.old == HandoffState::Old::kLeaving && !asked_to_close_) result_ = MoveResult::kForced;
  take(HandoffEvent::kEnded);
}

bool Handoff::takes_pong(Bytes payload) {
  if (!is_leaving() || terms_.form != Form::kAssume || !std::ranges::equal(payload, ping_)) return false;
  pong_seen_ = true;
  return true;
}

void Handoff::on_deadline() {
  const MonotonicTime now = tunnel_.now();
  if (!dialled_) return dial();
  if (is_leaving()) return watch_leaving(now);
  if (now >= deadline_) return take(HandoffEvent::kTimeout);
  host_.arm_handoff(deadline_);
}

bool Handoff::client_takes(MonotonicTime now) {
  const auto taken = tunnel_.taken_by_client();
  if (taken != taken_) taken_at_ = now;
  taken_ = taken;
  const auto patience = tunnel_.patience_with_client();
  return patience.count() == 0 || now - taken_at_ < patience;
}

// The old backend has as much time as its client takes what it says. One that reads steadily, but slower than its
// backend writes, has that wait again and again, and seldom when this looks.
void Handoff::watch_leaving(MonotonicTime now) {
  if (tunnel_.backend_has_waited() && client_takes(now)) deadline_ += now - looked_at_;
  looked_at_ = now;
  host_.arm_handoff(now + kLook);
  if (terms_.form == Form::kAssume) return watch_assumed(now);
  if (now < deadline_) return;
  result_ = MoveResult::kForced;
  if (!tunnel_.backend_is_between_messages()) return break_off();  // half of a message cannot be taken back
  take(HandoffEvent::kTimeout);
}

// A backend that knows nothing of this has nothing more to say once it has answered a ping and been quiet since.
void Handoff::watch_assumed(MonotonicTime now) {
  if (asked_to_close_) {
    if (now < deadline_) return;
    if (!tunnel_.backend_is_between_messages()) return break_off();
    return take(HandoffEvent::kEnded);
  }
  if (state_.next != HandoffState::Next::kOpen) {  // nor is it told to go before somebody is there to take its place
    if (now >= deadline_) stay(MoveResult::kFailed);
    return;
  }
  if (pong_seen_ && now - heard_at_ >= terms_.quiet && tunnel_.backend_is_between_messages()) return ask_to_close();
  if (now < deadline_) return;
  result_ = MoveResult::kForced;
  ask_to_close();
}

void Handoff::ask_to_close() {
  asked_to_close_ = true;
  begin_stage(terms_.close);
  tunnel_.close_backend(CloseCode::kGoingAway);
}

void Handoff::join() {
  net::ByteStream& next = host_.next();
  const std::string from(host_.backend_name());
  if (terms_.form == Form::kContract) {
    const std::string text =
        migration::enter_text({.key = host_.next_key(), .why = why_, .state = left_state_, .from = from});
    next.write(websocket::make_frame(Towards::kBackend, Opcode::kText, as_bytes(text)));
  }
  if (next.write_failed()) {
    // As if it had never answered; whether there is a way back, the old backend decides.
    host_.drop_next();
    return take(HandoffEvent::kUnreachable);
  }
  tunnel_.close_backend(CloseCode::kGoingAway);
  Tunnel& tunnel = tunnel_;
  const auto early = host_.adopt_next(tunnel.backend_has_ended());
  end(result_);
  tunnel.go_on_with_backend(early);
}

void Handoff::give_back() {
  // It went on behind its last word: nobody knows any more where its next message begins.
  if (tunnel_.movable()->discarded) return break_off();
  tunnel_.tell_backend(migration::enter_text(
      {.key = tunnel_.movable()->key, .why = EnterWhy::kLeft, .state = left_state_, .from = host_.backend_name()}));
  stay(MoveResult::kFailed);
}

void Handoff::stay(MoveResult result) {
  Tunnel& tunnel = tunnel_;
  end(result);
  tunnel.release_client();
}

void Handoff::break_off() {
  Tunnel& tunnel = tunnel_;
  const CloseCode code = beginning_.start == HandoffStart::kClosed ? beginning_.code : CloseCode::kServiceRestart;
  end(MoveResult::kFailed);
  tunnel.end_without_backend(code);
}

void Handoff::on_tunnel_closing() {
  end(std::nullopt);
}

// Destroys it.
void Handoff::end(std::optional<MoveResult> result) {
  host_.on_handed_off(result,
                      held_since_.count() == 0 ? std::chrono::microseconds(0) : tunnel_.precise_now() - held_since_);
}

}  // namespace drover::proxy
