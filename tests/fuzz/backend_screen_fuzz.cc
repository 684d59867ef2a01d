// The screen before a backend's relay against a reader of whole streams: whatever the reads, the same bytes pass and
// the same messages are taken out. Input: a byte of options, a byte that seeds the cuts, then the stream, or three
// bytes a frame of which one is composed.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "migration/handoff_messages.h"
#include "proxy/backend_screen.h"
#include "require.h"
#include "support/deflate.h"
#include "websocket/inflate.h"

namespace drover::proxy {
namespace {

using migration::Verb;
using Compressed = BackendScreen::Compressed;

const std::string kKey = "0123456789abcdef0123456789abcdef";

struct Taken {
  Verb verb;
  std::optional<std::string> state;
  bool too_large;
  std::size_t at;  // how much had been passed on before it
  bool operator==(const Taken&) const = default;
};

struct Outcome {
  std::string output;
  std::vector<Taken> taken;
  bool broken = false;
  bool operator==(const Outcome&) const = default;
};

// What the opening of a message is, with its white space squeezed out.
struct Squeezed {
  bool foreign = false;
  std::size_t size = 0;  // of the whole opening; 0: it is not whole
  std::string verb{};
};

Squeezed squeeze(const std::string& text) {
  const std::string head = "{\"drover\":\"";
  const std::string tail = "\",\"key\":\"" + kKey + "\"";
  Squeezed result;
  std::size_t in_head = 0;
  std::size_t in_tail = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) continue;
    if (c == '"') in_string = !in_string;
    if (in_head < head.size()) {
      if (c != head[in_head++]) return {.foreign = true};
    } else if (in_tail == 0 && c != '"') {
      result.verb.push_back(c);
      if (result.verb.size() > 32 || c == '\\' || (c >= '\0' && c < ' ')) return {.foreign = true};
    } else {
      if (c != tail[in_tail++]) return {.foreign = true};
      if (in_tail == tail.size()) {
        result.size = i + 1;
        return result;
      }
    }
  }
  return result;
}

// Reads a stream from its start to its end, frame by frame.
class Reference {
 public:
  Reference(std::string stream, Compressed compressed, std::size_t max_state)
      : stream_(std::move(stream)), compressed_(compressed), most_(512 + max_state + 64), max_state_(max_state) {
    while (at_ < stream_.size() && read_frame()) {
    }
  }

  const Outcome& outcome() const { return outcome_; }
  // Where the frame begins that broke it.
  std::size_t at() const { return at_; }

 private:
  enum class Message { kNone, kPasses, kOurs };
  unsigned byte(std::size_t index) const { return static_cast<unsigned char>(stream_[at_ + index]); }

  // By as much of a header as there is.
  bool is_illegal(std::size_t there) const {
    const unsigned opcode = byte(0) & 15;
    const bool control = opcode >= 8;
    if ((byte(0) & 0x30) != 0 || (opcode > 2 && !control) || opcode > 10) return true;
    if ((byte(0) & 0x40) != 0 && opcode != 1 && opcode != 2) return true;
    if (control && byte(0) < 0x80) return true;
    if (!control && (opcode == 0) == (message_ == Message::kNone)) return true;
    if (there < 2) return false;
    const unsigned length = byte(1);
    if (length >= 0x80 || (control && length > 125) || (opcode == 8 && length == 1)) return true;
    if (length == 126) return there >= 4 && byte(2) == 0 && byte(3) < 126;
    if (length < 127 || there < 3) return false;
    if (byte(2) >= 0x80) return true;
    for (std::size_t i = 2; i < 8; ++i) {
      if (i >= there || byte(i) != 0) return false;
    }
    return true;
  }

  // False: that was the last one.
  bool read_frame() {
    const std::size_t there = stream_.size() - at_;
    const std::size_t width = there < 2 || byte(1) < 126 ? 0 : byte(1) == 126 ? 2 : 8;
    if (is_illegal(std::min(there, 2 + width))) {
      outcome_.broken = message_ == Message::kOurs;
      if (!outcome_.broken) outcome_.output.append(stream_, at_);
      return false;
    }
    const unsigned opcode = byte(0) & 15;
    const bool last = byte(0) >= 0x80;
    const bool deflated = (byte(0) & 0x40) != 0;
    const bool may_be_ours = opcode == 1 && (!deflated || compressed_ == Compressed::kMayBeOurs);
    if (there < 2 + width) {
      if (!may_be_ours && (opcode >= 8 || message_ != Message::kOurs)) outcome_.output.append(stream_, at_);
      return false;
    }
    std::uint64_t size = width == 0 ? byte(1) : 0;
    for (std::size_t i = 0; i < width; ++i) size = size << 8 | byte(2 + i);
    const std::size_t payload_at = at_ + 2 + width;
    const bool whole = size <= stream_.size() - payload_at;
    const std::string payload = stream_.substr(payload_at, whole ? size : stream_.npos);
    const std::string frame = stream_.substr(at_, 2 + width + payload.size());
    at_ += frame.size();
    if (opcode >= 8) {
      outcome_.output += frame;
      return true;
    }
    if (may_be_ours) {
      const Squeezed opening = read_front(payload, deflated, whole);
      if (!opening.foreign && opening.size == 0) return false;
      if (!opening.foreign) {
        message_ = Message::kOurs;
        verb_ = opening.verb == "left" ? Verb::kLeft : opening.verb == "leaving" ? Verb::kLeaving : Verb::kOther;
        deflated_ = deflated;
        text_.clear();
      }
    }
    if (message_ != Message::kOurs) {
      outcome_.output += frame;
      message_ = last ? Message::kNone : Message::kPasses;
      return true;
    }
    text_ += payload;
    if (!whole || !last) return true;
    message_ = Message::kNone;
    take();
    return true;
  }

  Squeezed read_front(const std::string& payload, bool deflated, bool whole) const {
    Squeezed opening;
    bool over = whole || payload.size() >= (deflated ? 1024 : 512);
    if (deflated) {
      const auto inflated = websocket::inflate(as_bytes(payload.substr(0, 1024)), 512);
      opening = squeeze(inflated.text);
      over = over || inflated.end != websocket::Inflated::End::kInput;
    } else {
      opening = squeeze(payload.substr(0, 512));
    }
    if (opening.size == 0 && over) opening.foreign = true;
    return opening;
  }

  void take() {
    Taken taken{.verb = verb_, .state = {}, .too_large = false, .at = outcome_.output.size()};
    if (verb_ == Verb::kLeft) read_state(taken);
    outcome_.taken.push_back(taken);
  }

  void read_state(Taken& taken) {
    std::string text = text_;
    taken.too_large = text.size() > most_;
    if (deflated_ && !taken.too_large) {
      const auto inflated = websocket::inflate(as_bytes(text.append("\0\0\xff\xff", 4)), most_ + 1);
      if (inflated.end == websocket::Inflated::End::kBroken) return;
      text = inflated.text;
      taken.too_large = text.size() > most_;
    }
    if (taken.too_large) return;
    const auto state = migration::state_of(text, squeeze(text).size);
    if (!state) return;
    REQUIRE(nlohmann::json::accept(text));
    REQUIRE(nlohmann::json::accept(*state));
    taken.too_large = state->size() > max_state_;
    if (!taken.too_large) taken.state = *state;
  }

  std::string stream_;
  Compressed compressed_;
  std::size_t most_;
  std::size_t max_state_;
  std::size_t at_ = 0;
  Message message_ = Message::kNone;
  Verb verb_ = Verb::kOther;
  bool deflated_ = false;
  std::string text_;  // payload of a message of Drover's
  Outcome outcome_;
};

// One read, in memory of its own that is gone afterwards.
void screen_read(BackendScreen& screen, std::string_view read, Compressed compressed, Outcome& outcome) {
  const std::vector<std::uint8_t> copy(read.begin(), read.end());
  Bytes input(copy);
  while (!input.empty()) {
    const auto step = screen.take(input, compressed);
    REQUIRE(step.consumed > 0 && step.consumed <= input.size());
    REQUIRE(step.pass.empty() ||
            (step.pass.data() >= input.data() && step.pass.data() + step.pass.size() <= input.data() + step.consumed));
    outcome.output.append(as_text(step.held)).append(as_text(step.pass));
    REQUIRE(!outcome.broken || step.stop == BackendScreen::Stop::kBroken);
    outcome.broken = step.stop == BackendScreen::Stop::kBroken;
    if (step.stop == BackendScreen::Stop::kMessage) {
      const auto state = screen.state();
      outcome.taken.push_back({screen.verb(), state ? std::optional<std::string>(*state) : std::nullopt,
                               screen.too_large(), outcome.output.size()});
    }
    input = input.subspan(step.consumed);
  }
}

// Reads of 1…`longest` bytes; 0: all in one.
Outcome screen_cut(std::string_view stream, Compressed compressed, std::size_t max_state, std::size_t longest,
                   std::uint32_t seed) {
  BackendScreen screen(kKey, max_state);
  Outcome outcome;
  while (!stream.empty()) {
    seed = seed * 1664525U + 1013904223U;
    const std::size_t size = longest == 0 ? stream.size() : std::min(stream.size(), 1 + (seed >> 8) % longest);
    screen_read(screen, stream.substr(0, size), compressed, outcome);
    stream.remove_prefix(size);
  }
  return outcome;
}

void check_stream(const std::string& stream, Compressed compressed, std::size_t max_state, std::uint32_t seed) {
  const Reference reference(stream, compressed, max_state);
  for (const std::size_t longest : {0U, 1U, 3U, 20U, 300U}) {
    Outcome outcome = screen_cut(stream, compressed, max_state, longest, seed);
    if (outcome.broken) {
      // The front of a control frame may have gone on before its header turned out to be illegal.
      REQUIRE(outcome.output.size() >= reference.outcome().output.size());
      const std::string more = outcome.output.substr(reference.outcome().output.size());
      REQUIRE(more.empty() || (more.size() < 2 && (static_cast<unsigned char>(more[0]) & 8U) != 0));
      REQUIRE(std::string_view(stream).substr(reference.at()).starts_with(more));
      outcome.output.resize(outcome.output.size() - more.size());
    }
    REQUIRE(outcome == reference.outcome());
  }
}

// What frames of a composed stream carry: text of the kind that the low bits tell, and what of it the last frame left.
class Composer {
 public:
  void add_frame(unsigned first, unsigned kind, unsigned amount) {
    std::string payload = (kind & 7) == 7 ? std::exchange(rest_, {}) : text_of(kind & 7, amount);
    if ((kind & 8) != 0) payload = drover::test::deflated(payload, (kind & 16) != 0 ? 9 : 0);
    if ((kind & 32) != 0) rest_ = split(payload, amount);
    stream_.push_back(static_cast<char>(first));
    if (payload.size() < 126) {
      stream_.push_back(static_cast<char>(payload.size()));
    } else {
      stream_.append({126, static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())});
    }
    stream_ += payload;
  }
  const std::string& stream() const { return stream_; }

 private:
  static std::string text_of(unsigned kind, unsigned amount) {
    const std::string key = "\",\"key\":\"" + kKey + "\"";
    switch (kind) {
      case 0: return "{\"drover\":\"left" + key + "}";
      case 1: return "{\"drover\":\"left" + key + ",\"state\":\"" + std::string(4UL * amount, 's') + "\"}";
      case 2: return "{\"drover\":\"leaving" + key + "}";
      case 3: return "{\"drover\":\"left" + key + ",\"state\":[" + std::string(amount, '[') + "]}";
      case 4: return std::string(3UL * amount, ' ') + " { \"drover\" :\"left" + key + " } ";
      case 5: return "{\"drover\":\"" + std::string(amount, 'v') + key + "}";
      default: return std::string(amount, 'x');
    }
  }

  static std::string split(std::string& payload, std::size_t at) {
    at = std::min(at, payload.size());
    std::string rest = payload.substr(at);
    payload.resize(at);
    return rest;
  }

  std::string stream_;
  std::string rest_;
};

}  // namespace
}  // namespace drover::proxy

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  using namespace drover::proxy;
  if (size < 2) return 0;
  const unsigned options = input[0];
  const std::uint32_t seed = input[1];
  const auto compressed = (options & 1) != 0 ? Compressed::kMayBeOurs : Compressed::kPasses;
  const std::size_t max_state = (options & 2) != 0 ? 300 : 20;
  std::string stream(input + 2, input + size);
  if ((options & 4) != 0) {
    Composer composer;
    for (std::size_t i = 2; i + 3 <= std::min<std::size_t>(size, 120); i += 3) {
      composer.add_frame(input[i], input[i + 1], input[i + 2]);
    }
    stream = composer.stream();
  }
  check_stream(stream, compressed, max_state, seed);
  return 0;
}
