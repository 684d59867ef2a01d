// One move of a live session to another backend, from its first dial to its end (DESIGN section 7). What is to be done
// next, migration/handoff_state.h says; this does it, with the tunnel, whose client it holds meanwhile, and its host,
// who dials. One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "migration/handoff_messages.h"
#include "migration/handoff_state.h"
#include "observe/outcome.h"
#include "proxy/handoff_host.h"
#include "websocket/close_code.h"

namespace drover::proxy {

class Tunnel;

class Handoff {
 public:
  enum class Form : std::uint8_t {
    kContract,  // the backends know of it: leave, left, enter
    kAssume,    // they do not: the old one is told Close once it is quiet
  };
  struct Terms {
    Form form = Form::kContract;
    Milliseconds timeout{0};  // of each stage: the dial, the client's boundary, the old backend's last word
    Milliseconds quiet{0};    // kAssume
    Milliseconds close{0};    // timeouts.close; kAssume
  };
  struct Beginning {
    HandoffStart start = HandoffStart::kPlanned;
    // With kClosed: what the client is told if nobody else takes it.
    websocket::CloseCode code = websocket::CloseCode::kServiceRestart;
    MonotonicTime not_before{};  // when the first dial may be
  };
  // All outlive it. `tunnel` has it as its own when begin() is called.
  Handoff(Tunnel& tunnel, HandoffHost& host, const Terms& terms, const Beginning& beginning);
  void begin();

  // From the host. Each may end it.
  void on_opened();
  enum class Failure : std::uint8_t { kRefused, kUnreachable };
  void on_dial_failed(Failure failure);
  void on_deadline();
  // Whoever wanted it does not any more. Nothing where there is no way back.
  void call_off();

  // From the tunnel. Each may end it.
  void on_client_held();
  // The backend's last message; `state`: JSON; empty: there is none that could be passed on.
  void on_left(std::string_view state);
  // The backend has ended, by Close, EOF or otherwise.
  void on_backend_ended();
  void on_backend_heard(MonotonicTime now) { heard_at_ = now; }
  // True where it answers a ping of this.
  bool takes_pong(Bytes payload);
  // The tunnel closes for another reason: it is called off whatever its state. It is gone when this returns.
  void on_tunnel_closing();

  // The old backend serves no more: it sends nothing that is passed on, and is not judged.
  bool backend_is_gone() const { return state_.old == migration::HandoffState::Old::kGone; }
  bool backend_has_left() const { return state_.old >= migration::HandoffState::Old::kLeft; }
  // It has been asked to let go.
  bool is_leaving() const { return state_.old == migration::HandoffState::Old::kLeaving; }
  // It has been sent a Close, whose answer may have any code.
  bool asked_to_close() const { return asked_to_close_; }

 private:
  // It knows nothing of it yet, and could go on.
  bool is_only_asked() const { return is_leaving() && terms_.form == Form::kAssume && !asked_to_close_; }
  void take(migration::HandoffEvent event);
  void act(migration::HandoffAction action);
  void dial();
  void hold();
  void leave();
  void join();
  void give_back();
  void stay(observe::MoveResult result);
  void break_off();
  void end(std::optional<observe::MoveResult> result);
  void watch_leaving(MonotonicTime now);
  void watch_assumed(MonotonicTime now);
  bool client_takes(MonotonicTime now);
  void begin_stage(Milliseconds length);
  void ask_to_close();

  Tunnel& tunnel_;
  HandoffHost& host_;
  const Terms terms_;
  const Beginning beginning_;
  migration::HandoffState state_;
  MonotonicTime deadline_{};                 // of this stage
  MonotonicTime looked_at_{};                // the last tick
  std::chrono::microseconds held_since_{0};  // by the precise clock; 0: the client is not held
  MonotonicTime heard_at_{};
  std::uint64_t taken_ = 0;   // by the client's TCP, while the old backend waited for that
  MonotonicTime taken_at_{};  // the last of it
  std::string left_state_;    // JSON; empty: null
  observe::MoveResult result_ = observe::MoveResult::kOk;
  migration::EnterWhy why_ = migration::EnterWhy::kForced;
  bool dialled_ = false;
  bool pong_seen_ = false;
  bool asked_to_close_ = false;
  std::array<std::uint8_t, 8> ping_{};
};

}  // namespace drover::proxy
