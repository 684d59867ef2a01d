// What one side of a tunnel whose backend may change has said, as far as it is anybody's: its legal frames up to its
// Close, without answers to Drover's own pings and, of a backend that takes part in the contract, without its messages
// to Drover. For the tunnel fuzzer.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "migration/handoff_messages.h"
#include "require.h"
#include "support/fake_stream.h"
#include "tunnel_model.h"

namespace drover::proxy::fuzz {

class Spoken {
 public:
  // `key`: of the backend's connection; empty: nothing that it says is for Drover.
  Spoken(Sender sender, const websocket::ScanLimits& limits, std::string key, std::size_t most_state)
      : reader_(sender, limits), key_(std::move(key)), most_state_(most_state) {}

  // What Drover knows as it reads.
  struct Hearing {
    bool leaving = false;  // it has been asked to let go, so `left` is its last word
    std::string asked{};   // payload of a Ping whose Pong is Drover's, beside those of `pings`; empty: none
    OwnPings* pings = nullptr;
  };
  void accept(std::string_view chunk, const Hearing& hearing) {
    for (const char byte : chunk) {
      if (has_ended()) {
        went_on_ = true;
        return;
      }
      accept(byte, hearing);
    }
  }
  // It has nothing more to say that is anybody's.
  bool has_ended() const { return illegal_ || close_code_ || left_ || gone_; }
  bool illegal() const { return illegal_; }
  std::optional<unsigned> close_code() const { return close_code_; }  // 0: it had no code
  bool left() const { return left_; }
  const std::string& state() const { return state_; }  // of `left`; empty: none that could be passed on
  bool went_on() const { return went_on_; }
  bool asked_to_leave() const { return asked_to_leave_; }
  void note_gone() { gone_ = true; }
  void take_back() { left_ = went_on_ = false; }

  // Bytes at the front of `output`, a receiver's, that go on with this, up to the end of a frame; 0: none.
  std::size_t match(std::string_view output) {
    const std::size_t size = front_of(output);
    if (size > 0) go_on(matched_ + size);
    return size;
  }
  // The same, but nothing is noted.
  std::size_t front_of(std::string_view output) const {
    if (next_ == marks_.size()) return 0;
    const Mark& mark = marks_[next_];
    const std::size_t size = std::min(std::min(mark.end, passable_.size()) - matched_, output.size());
    if (size == 0 || passable_.compare(matched_, size, output.substr(0, size)) != 0) return 0;
    // Drover passes no part of a control frame.
    return mark.is_control && matched_ + size < mark.end ? 0 : size;
  }
  // The receiver is dead: what it was sent is not seen.
  void skip_to(std::size_t matched) {
    REQUIRE(matched >= matched_ && matched <= passable_.size());
    go_on(matched);
  }
  std::size_t matched() const { return matched_; }
  std::size_t messages() const { return messages_; }  // that have been passed on whole
  std::size_t rest() const { return passable_.size() - matched_; }
  bool at_frame_boundary() const { return matched_ == (next_ == 0 ? 0 : marks_[next_ - 1].end); }
  bool at_message_boundary() const { return at_frame_boundary() && !in_message_; }
  bool close_matched() const { return close_code_ && rest() == 0; }
  // Control frames that have been passed on since the last time.
  std::vector<std::pair<Opcode, std::string>> take_controls() { return std::exchange(controls_, {}); }

 private:
  struct Mark {
    std::size_t end;  // in passable_; payload that has not come yet included
    bool is_control;
    bool fin;
    Opcode opcode;
    std::string payload;  // of a control frame
  };

  void go_on(std::size_t matched) {
    matched_ = matched;
    for (; next_ < marks_.size() && marks_[next_].end <= matched_; ++next_) {
      const Mark& mark = marks_[next_];
      if (mark.is_control) controls_.emplace_back(mark.opcode, mark.payload);
      if (mark.is_control) continue;
      in_message_ = !mark.fin;
      if (mark.fin) ++messages_;
    }
    if (next_ < marks_.size() && !marks_[next_].is_control && matched_ > (next_ == 0 ? 0 : marks_[next_ - 1].end)) {
      in_message_ = true;
    }
  }

  void accept(char byte, const Hearing& hearing) {
    switch (reader_.take(byte)) {
      case FrameReader::Found::kNothing: return;
      case FrameReader::Found::kIllegal: illegal_ = true; return;
      case FrameReader::Found::kControl: return accept_control(hearing);
      case FrameReader::Found::kHeader: begin_frame(hearing); return;
      case FrameReader::Found::kPayload: accept_payload(byte, hearing); return;
    }
  }
  void accept_control(const Hearing& hearing) {
    const Frame& frame = reader_.frame();
    const std::string payload = reader_.payload();
    if (frame.opcode == Opcode::kPong) {
      if (hearing.pings->takes(payload)) return;
      if (!hearing.asked.empty() && payload == hearing.asked) return;
    }
    if (frame.opcode == Opcode::kClose) close_code_ = close_code_of(payload);
    passable_ += reader_.bytes();
    marks_.push_back({passable_.size(), true, true, frame.opcode, payload});
  }
  void begin_frame(const Hearing& hearing) {
    const Frame& frame = reader_.frame();
    payload_left_ = frame.length;
    if (ours_) {
      if (payload_left_ == 0) end_of_ours(hearing);
      return;
    }
    if (!key_.empty() && frame.opcode == Opcode::kText && frame.rsv == 0) {
      unclear_ = reader_.bytes();
      text_.clear();
      return decide(hearing);
    }
    passable_ += reader_.bytes();
    marks_.push_back({passable_.size() + static_cast<std::size_t>(frame.length), false, frame.fin, frame.opcode, {}});
  }
  void accept_payload(char byte, const Hearing& hearing) {
    --payload_left_;
    if (ours_) {
      text_.push_back(byte);
      if (payload_left_ == 0) end_of_ours(hearing);
    } else if (!unclear_.empty()) {
      unclear_.push_back(byte);
      text_.push_back(byte);
      decide(hearing);
    } else {
      passable_.push_back(byte);
    }
  }
  // Whose a text message is, by the front of its first frame.
  void decide(const Hearing& hearing) {
    using What = migration::Opening::What;
    const auto opening = migration::read_opening(text_, key_);
    if (opening.what == What::kOurs) {
      ours_ = true;
      verb_ = opening.verb;
      unclear_.clear();
      if (payload_left_ == 0) end_of_ours(hearing);
      return;
    }
    if (opening.what == What::kUnclear && payload_left_ > 0 && text_.size() < migration::kMostOpening) return;
    passable_ += std::exchange(unclear_, {});
    const Frame& frame = reader_.frame();
    marks_.push_back({passable_.size() + static_cast<std::size_t>(payload_left_), false, frame.fin, frame.opcode, {}});
  }
  void end_of_ours(const Hearing& hearing) {
    if (!reader_.frame().fin) return;
    ours_ = false;
    if (verb_ == migration::Verb::kOther) return;
    if (verb_ == migration::Verb::kLeaving || !hearing.leaving) {
      asked_to_leave_ = true;
      return;
    }
    left_ = true;
    const auto state = migration::state_of(text_, migration::read_opening(text_, key_).size);
    state_ = state && state->size() <= most_state_ ? std::string(*state) : std::string();
  }

  FrameReader reader_;
  const std::string key_;
  const std::size_t most_state_;
  std::string passable_;
  std::vector<Mark> marks_;  // the frames of passable_
  std::size_t matched_ = 0;  // of passable_: has been passed on
  std::size_t next_ = 0;     // of marks_: the first that has not been passed on whole
  std::size_t messages_ = 0;
  bool in_message_ = false;  // of what has been passed on
  std::vector<std::pair<Opcode, std::string>> controls_;
  std::string unclear_;  // the front of a text frame that may be Drover's
  std::string text_;     // its payload, or a message of Drover's so far
  std::uint64_t payload_left_ = 0;
  bool ours_ = false;
  migration::Verb verb_{};
  std::string state_;
  bool left_ = false, went_on_ = false, asked_to_leave_ = false, gone_ = false, illegal_ = false;
  std::optional<unsigned> close_code_;
};

// One that serves, or has served.
struct Backend {
  test::FakeStream& stream;
  std::string key;
  Spoken says;
  std::size_t seen = 0;                     // bytes of `stream` that have been matched
  OwnPings pings{};                         // to it
  std::string asked{};                      // payload of the ping of the handoff that goes on, if that one assumes
  bool entered = false;                     // it is the first, or has been sent its `enter`
  bool leaving = false;                     // it has been sent `leave`, and nothing of the client's since
  bool told = false;                        // it has been sent `leave`, or been asked, at some time
  bool closed = false;                      // by Drover
  bool went_away = false;                   // it has sent a Close that another backend may follow
  bool lost = false;                        // its connection has ended, or is dead
  bool over = false;                        // another has taken its place
  std::optional<std::string> unanswered{};  // the last ping of the client's, as long as it has not answered it
};

}  // namespace drover::proxy::fuzz
