// A session whose backend may change, without sockets: candidates that the test has waiting, opens, refuses and kills,
// and a timer on the clock of a FakeHost. What it does with streams is what proxy/mobility.cc does.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/handoff.h"
#include "proxy/movable.h"
#include "support/fake_tunnel.h"
#include "websocket/frame_writer.h"

namespace drover::proxy::test {

class FakeHandoffHost final : public HandoffHost {
 public:
  struct Candidate {
    enum class State : std::uint8_t { kWaiting, kDialled, kOpen, kAdopted, kDropped };
    FakeStream stream{};
    std::string key{};
    std::string early{};  // behind its 101
    State state = State::kWaiting;
    bool told_not_needed = false;
  };
  struct Ended {
    std::optional<observe::MoveResult> result;
    bool moved = false;
    std::chrono::microseconds held_for{0};
  };

  // Both outlive it, and `tunnel` has not started.
  FakeHandoffHost(FakeHost& host, Tunnel& tunnel, const Handoff::Terms& terms, std::size_t most_state = 100)
      : host_(host), tunnel_(tunnel), terms_(terms), most_state_(most_state) {
    auto movable = std::make_unique<Movable>(*this);
    if (by_contract()) {
      movable->key = key_of(0);
      movable->screen = std::make_unique<BackendScreen>(movable->key, most_state_);
    }
    tunnel_.make_movable(std::move(movable));
    host_.on_alarm = [this] { handoff()->on_deadline(); };
    host_.also_finish = [this] {
      if (handoff() != nullptr) handoff()->on_tunnel_closing();
      drop_next();
    };
  }
  FakeHandoffHost(const FakeHandoffHost&) = delete;
  FakeHandoffHost& operator=(const FakeHandoffHost&) = delete;

  static std::string key_of(std::size_t number) {
    std::string key(32, '0');
    for (std::size_t at = key.size(); number > 0; number /= 10) key[--at] = static_cast<char>('0' + number % 10);
    return key;
  }

  // What a test does. One more candidate, behind those that wait:
  Candidate& add() {
    candidates.push_back({.key = key_of(candidates.size() + 1)});
    return candidates.back();
  }
  // False: there is one already, or the tunnel ends.
  bool begin(const Handoff::Beginning& beginning = {}) {
    if (handoff() != nullptr || !tunnel_.is_whole()) return false;
    adopted_ = false;
    tunnel_.movable()->handoff = std::make_unique<Handoff>(tunnel_, *this, terms_, beginning);
    handoff()->begin();
    return true;
  }
  void open() {
    current_->state = Candidate::State::kOpen;
    handoff()->on_opened();
  }
  // As Redial has it: it is dropped before the handoff hears of it.
  void fail(Handoff::Failure failure) {
    std::exchange(current_, nullptr)->state = Candidate::State::kDropped;
    handoff()->on_dial_failed(failure);
  }
  void refuse() { fail(Handoff::Failure::kRefused); }
  void kill() { fail(Handoff::Failure::kUnreachable); }

  bool by_contract() const { return terms_.form == Handoff::Form::kContract; }
  Handoff* handoff() const { return tunnel_.movable()->handoff.get(); }
  // Who is dialled, or has opened; null: nobody.
  Candidate* current() const { return current_; }

  bool dial_next() override {
    drop_next();
    if (next_ == candidates.size()) return false;
    current_ = &candidates[next_++];
    current_->state = Candidate::State::kDialled;
    return true;
  }
  void drop_next() override {
    Candidate* const dropped = std::exchange(current_, nullptr);
    if (dropped == nullptr) return;
    if (dropped->state == Candidate::State::kOpen) {
      const auto going = websocket::CloseCode::kGoingAway;
      dropped->stream.write_last(websocket::make_close(websocket::Towards::kBackend, going, "not needed"));
      dropped->told_not_needed = true;
    }
    dropped->state = Candidate::State::kDropped;
  }
  net::ByteStream& next() override { return current_->stream; }
  std::string_view next_key() override { return current_->key; }
  std::vector<std::uint8_t> adopt_next(bool old_ended) override {
    adopted_ = true;
    old_had_ended = old_ended;
    Candidate& adopted = *std::exchange(current_, nullptr);
    adopted.state = Candidate::State::kAdopted;
    FakeStream& old = host_.backend();
    old.set_handler(parting_);
    for (const auto reason : {net::PauseReason::kPeerSlow, net::PauseReason::kHeld}) old.resume(reason);
    if (old_ended) old.close();
    host_.serve_by(adopted.stream);
    if (by_contract()) {
      tunnel_.movable()->key = adopted.key;
      tunnel_.movable()->screen = std::make_unique<BackendScreen>(adopted.key, most_state_);
    }
    return {as_bytes(adopted.early).begin(), as_bytes(adopted.early).end()};
  }
  std::string_view backend_name() const override { return "old"; }
  bool may_follow_close() override { return may_follow && handoff() == nullptr; }
  bool begin_handoff(HandoffStart start, websocket::CloseCode code) override {
    if (!may_begin || tunnel_.movable()->handoff != nullptr || (start == HandoffStart::kRescue && !may_rescue))
      return false;
    starts.push_back(start);
    const MonotonicTime slot = start >= HandoffStart::kClosed ? host_.farewell_slot(1) : MonotonicTime{};
    return begin({.start = start, .code = code, .not_before = slot});
  }
  void arm_handoff(MonotonicTime deadline) override { host_.alarm = deadline; }
  void on_handed_off(std::optional<observe::MoveResult> result, std::chrono::microseconds held_for) override {
    tunnel_.movable()->handoff.reset();
    host_.alarm.reset();
    if (!adopted_) drop_next();
    ended.push_back({result, adopted_, held_for});
  }

  std::deque<Candidate> candidates;
  std::vector<HandoffStart> starts;  // what the tunnel has asked for
  std::vector<Ended> ended;
  bool may_begin = true;
  bool may_follow = true;
  bool may_rescue = false;
  bool old_had_ended = false;

 private:
  struct Parting final : net::ByteStream::Handler {
    void on_connected(net::ByteStream&, Result<void>) noexcept override {}
    void on_read(net::ByteStream&, Bytes) noexcept override {}
    void on_read_end(net::ByteStream& stream, net::ReadEnd) noexcept override { stream.close(); }
    void on_written(net::ByteStream&) noexcept override {}
    void on_closed(net::ByteStream&) noexcept override {}
  };

  FakeHost& host_;
  Tunnel& tunnel_;
  const Handoff::Terms terms_;
  const std::size_t most_state_;
  Parting parting_;
  std::size_t next_ = 0;
  Candidate* current_ = nullptr;
  bool adopted_ = false;
};

}  // namespace drover::proxy::test
