// Stands before the relay of a backend that takes part in handoffs, and takes the messages that the backend addresses
// to Drover (migration/handoff_messages.h) out of its frames. It walks headers as websocket::FrameScanner does; which
// frames are legal is for the scanner behind it to say. One screen a backend's connection, one thread, no allocation
// while nothing is held and nothing is Drover's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "migration/handoff_messages.h"
#include "websocket/frame_header.h"

namespace drover::proxy {

// How a caller goes through what it has read (`forward` takes the bytes to the relay):
//
//   while (!input.empty()) {
//     const auto step = screen.take(input, compressed);
//     forward(step.held), forward(step.pass);
//     if (step.stop == BackendScreen::Stop::kMessage) /* verb(), state() */;
//     if (step.stop == BackendScreen::Stop::kBroken) /* the backend's connection is of no use any more */;
//     input = input.subspan(step.consumed);
//   }
//
// What passes: every byte of control frames, between the fragments of a message that is taken out too, and of messages
// that are not Drover's. Held back is the front of a text message that may yet become Drover's: at most kMostOpening
// bytes of its first frame's payload, or twice as many that are compressed. A message that is not Drover's by what is
// there of it is not copied. What comes behind a Close is walked like anything else.
//
// Memory: of a `left` as much as its opening and a state of `max_state` bytes take, of other messages nothing.
class BackendScreen {
 public:
  // `key` has 32 characters. `max_state` is in bytes of JSON.
  BackendScreen(std::string_view key, std::size_t max_state);
  ~BackendScreen();
  BackendScreen(const BackendScreen&) = delete;
  BackendScreen& operator=(const BackendScreen&) = delete;

  // Whether a compressed message may be Drover's: once `leave` was sent, where permessage-deflate is agreed upon.
  enum class Compressed : std::uint8_t { kPasses, kMayBeOurs };
  enum class Stop : std::uint8_t {
    kInput,    // nothing to tell: take the rest of the input, if there is one
    kMessage,  // a message of Drover's was whole; it stood behind all that this step has passed on
    kBroken,   // an illegal frame came while a message was being taken out, of which the scanner knows nothing. Final
  };
  struct Step {
    Bytes held;  // of earlier input, and the backend's own after all: goes on before `pass`. Until the next take()
    Bytes pass;  // a part of the input that goes on
    std::size_t consumed = 0;  // bytes of the input that were passed on, held or taken out; 0 only of an empty input
    Stop stop = Stop::kInput;
  };
  // An illegal frame outside of Drover's messages ends the screening: it passes, and so does all that follows.
  Step take(Bytes input, Compressed compressed);

  // After kMessage, until the next take():
  migration::Verb verb() const { return verb_; }
  // The state of a `left`: JSON as it came, "null" where it has none. Nothing where the message is malformed or too
  // large, and of other verbs.
  std::optional<std::string_view> state() const;
  // The state of a `left` had more than `max_state` bytes, or there was so much around it that nobody looked.
  bool too_large() const;

  // The backend has gone: nothing is held any more, and the next take() would begin with a connection's first frame.
  // Another connection has another key, though, so it gets a screen of its own.
  void forget();

 private:
  struct Parts;
  struct Look;
  enum class Mode : std::uint8_t { kWalks, kPassesAll, kBroken };
  // The unfinished message.
  enum class Message : std::uint8_t { kNone, kPasses, kOurs };

  Parts& parts();
  bool holds_front() const;
  std::size_t most_message() const;
  websocket::HeaderRules rules() const;
  Look look_at(Bytes front, Compressed compressed) const;
  migration::Opening read_plain(Bytes payload) const;
  migration::Opening read_compressed(Bytes payload) const;

  void begin_frame(Bytes rest, Compressed compressed, Step& step);
  void begin_text(Bytes rest, Compressed compressed, Step& step);
  void begin_ours(Bytes front, std::size_t earlier, const Look& look, Step& step);
  void take_payload(Bytes rest, Step& step);
  void take_out(Bytes payload);
  void finish_frame(Step& step);
  void read_message();
  void refuse();

  std::uint64_t remaining_ = 0;  // bytes of the frame at hand that are to come; of one that passes, its header's too
  std::size_t max_state_;
  std::unique_ptr<Parts> parts_;  // while something is held, taken out or reported
  std::array<char, 32> key_{};
  std::array<std::uint8_t, websocket::kMaxFrameHeader - 1> header_{};  // the front of one that is cut, but is no text's
  std::uint8_t header_size_ : 4 = 0;
  Mode mode_ : 2 = Mode::kWalks;
  Message message_ : 2 = Message::kNone;
  bool takes_out_ : 1 = false;  // the frame at hand
  bool last_ : 1 = false;       // it is the last one of a message of Drover's
  bool inflates_ : 1 = false;   // that message is compressed
  migration::Verb verb_ : 2 = migration::Verb::kOther;
};

static_assert(sizeof(BackendScreen) <= 128);

}  // namespace drover::proxy
