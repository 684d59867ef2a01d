// Watches a tunnel whose backend may change, from outside, operation by operation. What it holds it to is the promise:
// the client is given exactly what each backend has said up to where it left, one after the other and cut between
// messages, and the backends exactly what the client has said; beside that nothing but Drover's own frames, where they
// may stand. When something may happen is judged of plain tunnels (tunnel_judge.h); here only that it ends.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "move_model.h"
#include "support/fake_handoff.h"

namespace drover::proxy::fuzz {

using observe::Initiator;
using observe::Why;

class MoveJudge {
 public:
  MoveJudge(test::FakeHost& host, Tunnel& tunnel, test::FakeHandoffHost& moves, const TunnelLimits& limits,
            std::string nonce, std::size_t most_state)
      : host_(host),
        tunnel_(tunnel),
        moves_(moves),
        limits_(limits),
        nonce_(std::move(nonce)),
        most_state_(most_state),
        client_(Sender::kClient, limits.scan, "", 0) {
    add(host.backend(), test::FakeHandoffHost::key_of(0));
    backends_[0].entered = true;
  }

  Backend& serving() { return backends_.back(); }
  OwnPings& pings_to_client() { return client_pings_; }

  // Before an operation.
  void look() {
    had_handoff_ = moves_.handoff() != nullptr;
    number_ = backends_.size();
    wants_to_hold_ = tunnel_.movable()->hold == Movable::Hold::kWanted;
    messages_ = client_.messages();
  }
  void client_reads(std::string_view chunk) {
    last_read_ = chunk.size();
    client_.accept(chunk, {.pings = &client_pings_});
  }
  void backend_reads(std::string_view chunk) {
    Backend& it = serving();
    if (tunnel_.owes_farewell()) it.says.note_gone();
    const Handoff* const handoff = moves_.handoff();
    const bool leaving = handoff != nullptr && handoff->is_leaving();
    const bool had_closed = it.says.close_code().has_value();
    it.says.accept(chunk, {.leaving = leaving, .asked = leaving ? it.asked : "", .pings = &it.pings});
    if (!had_closed && it.says.close_code()) note_close(it, handoff != nullptr && handoff->asked_to_close());
  }
  void end_of_client() { reasons_.client = true; }
  void end_of_backend() { serving().lost = reasons_.backend = true; }
  void failed(bool is_client) {
    (is_client ? reasons_.client : reasons_.backend) = true;
    if (!is_client) serving().lost = true;
  }
  void shut_down(unsigned code) { reasons_.shut_down = code; }
  void injected(std::string payload, Relay::Injected result) {
    if (result != Relay::Injected::kDropped) injected_.push_back(std::move(payload));
  }

  // After an operation. `by_time`: it was time that passed.
  void settle(bool by_time) {
    // The tunnel has adopted somebody: who was the backend has said its last.
    for (auto& candidate : moves_.candidates) {
      if (candidate.state != test::FakeHandoffHost::Candidate::State::kAdopted || knows(candidate.stream)) continue;
      if (serving().says.left()) state_ = serving().says.state();
      left_ = serving().says.left() && !state_.empty();
      add(candidate.stream, candidate.key);
      serving().entered = !moves_.by_contract();
      if (!candidate.early.empty()) backend_reads(candidate.early);
      if (moves_.by_contract()) REQUIRE(!candidate.stream.write_failed());  // it could not be told
    }
    for (Backend& each : backends_) match_to_backend(each);
    match_to_client();
    check_complete(by_time);
    check_flow();
    if (moves_.handoff() == nullptr) serving().asked.clear();
    check_end();
  }

  // At the very end.
  void check_over() {
    REQUIRE(moves_.handoff() == nullptr);
    for (auto& candidate : moves_.candidates) {
      if (knows(candidate.stream)) continue;
      const std::string given = candidate.stream.taken() + candidate.stream.waiting();
      const auto frame = header_of(given);
      REQUIRE(given.empty() == !candidate.told_not_needed || candidate.stream.write_failed());
      if (frame) REQUIRE(frame->opcode == Opcode::kClose && close_code_of(payload_of(*frame, given)) == 1001);
      if (frame) REQUIRE(given.size() == frame->header + frame->length);
    }
    if (!reasons_.backend) REQUIRE(host_.traffic.bytes_in.read() == client_.matched());
    std::uint64_t out = 0;
    for (const Backend& each : backends_) out += each.says.matched();
    if (!reasons_.client) REQUIRE(host_.traffic.bytes_out.read() == out);
  }

 private:
  struct Reasons {
    bool client = false;     // its connection has ended, or is dead
    bool backend = false;    // likewise
    bool went_away = false;  // a backend has sent a Close that means so
    std::optional<unsigned> shut_down{};
  };

  void add(test::FakeStream& stream, const std::string& key) {
    backends_.push_back({.stream = stream,
                         .key = key,
                         .says = Spoken(Sender::kBackend, limits_.scan, moves_.by_contract() ? key : "", most_state_)});
  }
  bool knows(const test::FakeStream& stream) const {
    return std::ranges::any_of(backends_, [&](const Backend& each) { return &each.stream == &stream; });
  }
  void note_close(Backend& it, bool asked) {
    const unsigned code = *it.says.close_code();
    if (code == 1001 || code == 1012 || asked) it.went_away = reasons_.went_away = true;
  }

  static std::string given_since(const test::FakeStream& stream, std::size_t& seen) {
    const std::string& taken = stream.taken();
    std::string given =
        taken.substr(std::min(seen, taken.size())) + stream.waiting().substr(seen - std::min(seen, taken.size()));
    seen += given.size();
    return given;
  }

  // Size of a frame of Drover's own at the front of `output`, and its payload; 0: there is none.
  static std::size_t read_own(std::string_view output, bool masked, Frame& frame, std::string& payload) {
    const auto header = header_of(output);
    if (!header || output.size() - header->header < header->length) return 0;
    frame = *header;
    if (!frame.fin || frame.rsv != 0 || frame.masked != masked) return 0;
    payload = payload_of(frame, output);
    return frame.header + static_cast<std::size_t>(frame.length);
  }

  void match_to_backend(Backend& it) {
    if (it.stream.write_failed()) {  // what it was sent is not seen
      it.entered = true;
      if (moves_.handoff() == nullptr && tunnel_.is_whole()) it.leaving = false, it.says.take_back();
      if (&it == &serving() && tunnel_.to_backend().bytes() > client_.matched()) {
        client_.skip_to(static_cast<std::size_t>(tunnel_.to_backend().bytes()));
      }
      return note_clients_controls(it);
    }
    const std::string given = given_since(it.stream, it.seen);
    for (std::string_view output = given; !output.empty();) {
      REQUIRE(!it.closed);
      // What the client has said goes to one backend, and to none that has been asked to let go.
      if (const std::size_t size = it.entered ? client_.match(output) : 0) {
        REQUIRE(!it.leaving || !tunnel_.is_whole());
        output.remove_prefix(size);
        note_clients_controls(it);
        continue;
      }
      REQUIRE(client_.at_frame_boundary());
      Frame frame;
      std::string payload;
      const std::size_t size = read_own(output, true, frame, payload);
      REQUIRE(size > 0);
      output.remove_prefix(size);
      take_own_to_backend(it, frame, payload);
    }
    if (&it == &serving() || it.over) return;
    // Another one goes on, between two messages.
    it.over = true;
    REQUIRE(client_.at_message_boundary() && (it.closed || it.lost));
  }
  void take_own_to_backend(Backend& it, const Frame& frame, const std::string& payload) {
    switch (frame.opcode) {
      case Opcode::kClose: it.closed = true; return;
      case Opcode::kPing:
        REQUIRE(payload.size() == 8);
        if (OwnPings::number_of(payload) == it.pings.sent + 1 &&
            (it.pings.sent == 0 || payload.starts_with(it.pings.tag))) {
          return it.pings.note(payload);
        }
        REQUIRE(!moves_.by_contract());
        it.asked = payload;
        it.told = true;
        return;
      case Opcode::kText: break;
      default: REQUIRE(false);
    }
    REQUIRE(moves_.by_contract() && client_.at_message_boundary());
    if (payload == migration::leave_text(it.key)) {
      REQUIRE(it.entered && !it.leaving);
      it.leaving = it.told = true;
      return;
    }
    if (!it.entered) {
      it.entered = true;
      return check_enter(it, payload, left_, state_);
    }
    // It gets its session back.
    REQUIRE(it.leaving && it.says.left() && !it.says.went_on());
    check_enter(it, payload, true, it.says.state());
    it.leaving = false;
    it.says.take_back();
  }
  static void check_enter(const Backend& it, const std::string& payload, bool left, const std::string& state) {
    using enum migration::EnterWhy;
    const auto text = [&](migration::EnterWhy why) {
      return migration::enter_text({.key = it.key, .why = why, .state = left ? state : "", .from = "old"});
    };
    REQUIRE(left ? payload == text(kLeft)
                 : payload == text(kForced) || payload == text(kClosed) || payload == text(kRescued));
  }
  void note_clients_controls(Backend& receiver) {
    for (const auto& [opcode, payload] : client_.take_controls()) {
      if (opcode == Opcode::kPing) receiver.unanswered = payload;
    }
  }
  void note_backends_controls(Backend& it) {
    for (const auto& [opcode, payload] : it.says.take_controls()) {
      if (opcode == Opcode::kPong && it.unanswered == payload) it.unanswered.reset();
    }
  }

  void match_to_client() {
    test::FakeStream& stream = host_.client();
    if (stream.write_failed()) return;
    const std::string given = given_since(stream, client_seen_);
    for (std::string_view output = given; !output.empty();) {
      REQUIRE(!client_closed_);
      Backend& it = backends_[speaking_];
      if (const std::size_t size = it.says.match(output)) {
        output.remove_prefix(size);
        note_backends_controls(it);
        client_closed_ = it.says.close_matched();
        continue;
      }
      const bool is_last = speaking_ + 1 == backends_.size();
      const bool is_nexts = !is_last && backends_[speaking_ + 1].says.front_of(output) > 0;
      if (!is_nexts && take_own_to_client(it, output)) continue;
      REQUIRE(!is_last);
      go_on_to_next();
    }
    while (speaking_ + 1 < backends_.size()) go_on_to_next();
  }
  // The backend that was has been heard to its last message, and no further.
  void go_on_to_next() {
    const Spoken& says = backends_[speaking_].says;
    owes_pong_ = backends_[speaking_].unanswered;
    REQUIRE(says.at_message_boundary());
    const bool close_was_taken = says.close_code() && says.rest() > 0;
    REQUIRE(close_was_taken ? backends_[speaking_].went_away : says.rest() == 0);
    ++speaking_;
  }
  bool take_own_to_client(const Backend& it, std::string_view& output) {
    if (!it.says.at_frame_boundary()) return false;
    Frame frame;
    std::string payload;
    const auto header = header_of(output);
    if (!header || header->masked) return false;
    const std::size_t size = read_own(output, false, frame, payload);
    if (size == 0) return false;
    if (frame.opcode == Opcode::kText && payload.starts_with(nonce_)) {
      REQUIRE(it.says.at_message_boundary() && !injected_.empty() && injected_.front() == payload);
      injected_.pop_front();
    } else if (frame.opcode == Opcode::kPing && payload.size() == 8) {
      client_pings_.note(payload);
    } else if (frame.opcode == Opcode::kPong && owes_pong_ == payload) {
      owes_pong_.reset();
    } else if (frame.opcode == Opcode::kClose) {
      check_own_close(close_code_of(payload));
      client_closed_ = true;
    } else {
      return false;
    }
    output.remove_prefix(size);
    return true;
  }
  void check_own_close(unsigned code) {
    own_close_ = code;
    if (code == reasons_.shut_down) return;
    const bool violated = !tunnel_.offence().empty() || *host_.ended_why == Why::kProtocolError;
    switch (code) {
      case 1001: REQUIRE(limits_.idle.count() > 0 || limits_.ping_client.count() > 0 || reasons_.went_away); return;
      case 1002: REQUIRE(violated); return;
      case 1008: REQUIRE(limits_.stalled_write.count() > 0); return;
      case 1012: {
        const bool silent = limits_.ping_backend.count() > 0 || limits_.stalled_write.count() > 0;
        const bool left = std::ranges::any_of(backends_, [](const Backend& each) { return each.told; });
        REQUIRE(reasons_.backend || reasons_.went_away || violated || silent || left);
        return;
      }
      default: REQUIRE(false);
    }
  }

  void check_complete(bool by_time) {
    Backend& it = serving();
    const bool is_held = tunnel_.client_is_held();
    if (is_held) REQUIRE(host_.client().paused() && client_.rest() <= last_read_);
    if (is_held) REQUIRE(moves_.handoff() != nullptr);
    const Handoff* const handoff = moves_.handoff();
    if (by_time && handoff != nullptr && handoff->backend_is_gone()) it.says.note_gone();
    const bool is_whole = !host_.ended_by && tunnel_.is_whole();
    // A backend that has closed waits for the client's Close.
    const bool is_closing = host_.ended_why == Why::kNormal && host_.ended_by == Initiator::kBackend && !it.closed &&
                            !reasons_.backend && !reasons_.client && !reasons_.shut_down;
    if (host_.finished) return;
    if ((is_whole || is_closing) && !is_held && !reasons_.backend) REQUIRE(client_.rest() == 0);
    if (!reasons_.backend && !it.stream.write_failed()) {
      REQUIRE(client_.matched() == tunnel_.to_backend().bytes());
    }
    if (!is_whole || reasons_.client) return;
    const bool close_was_taken = it.says.close_code() && it.says.rest() > 0;
    if (!close_was_taken) REQUIRE(it.says.rest() == 0);
    if (close_was_taken) {
      REQUIRE(it.went_away && handoff != nullptr);
      if (!close_noted_) REQUIRE(moves_.may_follow || had_handoff_ || it.says.asked_to_leave());
    }
    close_noted_ = close_was_taken;
    REQUIRE(!owes_pong_);
    if (it.says.at_message_boundary()) REQUIRE(injected_.empty());
    REQUIRE(it.entered || !moves_.by_contract());
  }
  // Nobody waits without a cause, or unseen.
  void check_flow() {
    test::FakeStream& client = host_.client();
    const bool is_vanished = client.paused() && client.link_state.lost && !tunnel_.owes_farewell();
    const bool was_read = backends_.size() > number_;  // for a moment, between two moves
    if (!is_vanished || !tunnel_.is_whole() || was_read) vanished_.reset();
    if (is_vanished && tunnel_.is_whole()) {
      if (!vanished_) vanished_ = host_.now();
      REQUIRE(host_.now() - *vanished_ <= Milliseconds(500));  // twice a look: one begins anew where it is held
    }
    if (tunnel_.owes_farewell()) REQUIRE(moves_.handoff() == nullptr && !tunnel_.client_is_held());
    if (!tunnel_.is_whole() || reasons_.client || reasons_.backend) return;
    if (client.paused() && !tunnel_.client_is_held()) REQUIRE(host_.backend().queued() > limits_.max_queued / 2);
    // At the first boundary, though the read go on behind it.
    if (wants_to_hold_ && client_.messages() > messages_) REQUIRE(tunnel_.client_is_held());
    const bool is_new = backends_.size() > number_ && !serving().says.has_ended();
    if (is_new && client.queued() >= limits_.max_queued) REQUIRE(host_.backend().paused());
    if (host_.backend().paused()) REQUIRE(client.queued() > limits_.max_queued / 2);
  }
  // Nothing ends it but what may.
  void check_end() {
    if (!host_.ended_by || judged_end_) return;
    judged_end_ = true;
    const bool by_close = client_.close_code() || std::ranges::any_of(backends_, [](const Backend& each) {
                            return each.says.close_code().has_value();
                          });
    const bool by_limits = limits_.idle.count() > 0 || limits_.stalled_write.count() > 0 ||
                           limits_.ping_client.count() > 0 || limits_.ping_backend.count() > 0;
    const bool left = std::ranges::any_of(backends_, [](const Backend& each) { return each.told; });
    REQUIRE(by_close || by_limits || reasons_.client || reasons_.backend || reasons_.shut_down || left ||
            *host_.ended_why == Why::kProtocolError);
  }

  test::FakeHost& host_;
  Tunnel& tunnel_;
  test::FakeHandoffHost& moves_;
  const TunnelLimits limits_;
  const std::string nonce_;
  const std::size_t most_state_;
  Spoken client_;
  std::deque<Backend> backends_;  // in the order in which they have served
  std::size_t speaking_ = 0;      // whose words the client is being given
  std::size_t client_seen_ = 0;
  std::size_t last_read_ = 0;
  OwnPings client_pings_;
  std::optional<std::string> owes_pong_;  // Drover does
  std::deque<std::string> injected_;
  std::string state_;  // of the last `left`
  bool left_ = false;
  bool had_handoff_ = false, wants_to_hold_ = false;
  std::size_t number_ = 0, messages_ = 0;  // of backends, and of the client's
  std::optional<MonotonicTime> vanished_;  // the client has, and is not read, since
  bool client_closed_ = false;
  bool close_noted_ = false;  // the one that has been taken
  bool judged_end_ = false;
  unsigned own_close_ = 0;
  Reasons reasons_;
};

}  // namespace drover::proxy::fuzz
