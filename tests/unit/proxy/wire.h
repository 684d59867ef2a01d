// Reads back what a tunnel has sent: a parser of frames of its own, written from RFC 6455 section 5 and independent of
// the scanner, that also knows where each kind of frame may stand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drover::proxy::test {

struct WireFrame {
  unsigned opcode = 0;
  bool fin = false;
  std::string key;      // the masking key; empty: not masked
  std::string payload;  // without the mask
  std::size_t at = 0;   // where it starts
  std::size_t body_at = 0;
  std::size_t end = 0;

  bool is_control() const { return opcode >= 8; }
  std::string_view raw(std::string_view stream) const { return stream.substr(at, end - at); }
};

struct Wire {
  std::vector<WireFrame> frames;
  std::string left_over;  // of a frame that is not whole
};

inline Wire read_wire(std::string_view stream) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned>(static_cast<unsigned char>(stream[index])); };
  Wire wire;
  std::size_t at = 0;
  while (stream.size() - at >= 2) {
    WireFrame frame;
    frame.at = at;
    frame.opcode = byte(at) & 0xf;
    frame.fin = byte(at) >= 0x80;
    std::uint64_t length = byte(at + 1) & 0x7f;
    const std::size_t width = length < 126 ? 0 : length == 126 ? 2 : 8;
    const bool masked = byte(at + 1) >= 0x80;
    frame.body_at = at + 2 + width + (masked ? 4 : 0);
    if (frame.body_at > stream.size()) break;
    if (width > 0) length = 0;
    for (std::size_t i = 0; i < width; ++i) length = length << 8 | byte(at + 2 + i);
    if (length > stream.size() - frame.body_at) break;
    frame.end = frame.body_at + length;
    frame.payload = stream.substr(frame.body_at, length);
    if (masked) frame.key = stream.substr(frame.body_at - 4, 4);
    for (std::size_t i = 0; masked && i < length; ++i) {
      frame.payload[i] = static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
    }
    at = frame.end;
    wire.frames.push_back(std::move(frame));
  }
  wire.left_over = stream.substr(at);
  return wire;
}

// Whether each frame stands where it may: fragments of one message in a row but for control frames, nothing behind a
// Close.
inline bool in_legal_order(const std::vector<WireFrame>& frames) {
  bool in_message = false;
  bool closed = false;
  for (const WireFrame& frame : frames) {
    if (closed) return false;
    closed = frame.opcode == 8;
    if (frame.is_control()) continue;
    if ((frame.opcode == 0) != in_message) return false;
    in_message = !frame.fin;
  }
  return true;
}

// Where Drover may put a frame of its own into `stream`, all of it whole frames, when `fed` bytes of it have come: it
// waits for no header and for no control frame that is cut, since nothing of these has been passed on yet.
class Places {
 public:
  explicit Places(std::string_view stream) {
    bool in_message = false;
    frame_ends_.push_back(0);
    message_ends_.push_back(0);
    for (const WireFrame& frame : read_wire(stream).frames) {
      const std::size_t whole = frame.is_control() ? frame.end : frame.body_at;
      held_.push_back({frame.at, whole});
      frame_ends_.push_back(frame.end);
      if (!frame.is_control()) in_message = !frame.fin;
      if (!in_message) message_ends_.push_back(frame.end);
    }
  }
  std::size_t for_control(std::size_t fed) const { return first_from(frame_ends_, passed(fed)); }
  std::size_t for_data(std::size_t fed) const { return first_from(message_ends_, passed(fed)); }

 private:
  struct Held {
    std::size_t from, to;
  };
  std::size_t passed(std::size_t fed) const {
    for (const Held& held : held_) {
      if (held.from < fed && fed < held.to) return held.from;
    }
    return fed;
  }
  static std::size_t first_from(const std::vector<std::size_t>& places, std::size_t from) {
    return *std::ranges::lower_bound(places, from);
  }

  std::vector<Held> held_;
  std::vector<std::size_t> frame_ends_;
  std::vector<std::size_t> message_ends_;
};

}  // namespace drover::proxy::test
