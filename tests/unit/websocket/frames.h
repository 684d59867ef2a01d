// Frames for the tests, legal or not, spelt out byte by byte and independently of what is tested; and the way a
// tunnel feeds a scanner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "websocket/frame_scanner.h"

namespace drover::websocket::test {

inline constexpr std::string_view kMask = "\x11\x22\xf3\x84";

inline std::string bytes(std::initializer_list<unsigned> values) {
  std::string text;
  for (const unsigned value : values) text.push_back(static_cast<char>(value));
  return text;
}

inline std::string masked(std::string payload) {
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ kMask[i % 4]);
  return payload;
}

// The header without a masking key; the length in its shortest form.
inline std::string header(Sender sender, unsigned first, std::uint64_t length) {
  const unsigned mask = sender == Sender::kClient ? 0x80 : 0;
  std::string text = bytes({first});
  std::size_t width = 0;
  if (length < 126) {
    text += bytes({mask | static_cast<unsigned>(length)});
  } else {
    width = length < 65536 ? 2 : 8;
    text += bytes({mask | (width == 2 ? 126U : 127U)});
  }
  for (; width > 0; --width) text.push_back(static_cast<char>(length >> 8 * (width - 1) & 0xff));
  return text;
}

inline std::string frame(Sender sender, unsigned first, const std::string& payload) {
  const std::string front = header(sender, first, payload.size());
  return sender == Sender::kClient ? front + std::string(kMask) + masked(payload) : front + payload;
}

inline std::string close_payload(unsigned code, std::string_view reason = "") {
  return bytes({code >> 8, code & 0xff}).append(reason);
}

struct SeenControl {
  Opcode opcode;
  std::string bytes;
  std::string payload;
  std::size_t at;  // how much had been passed on before it
  bool operator==(const SeenControl&) const = default;
};

// What came out of a scanner, in order.
struct Seen {
  std::string output;
  std::vector<SeenControl> controls;
  std::optional<Violation> violation;
  std::shared_ptr<MessageTally> tally = std::make_shared<MessageTally>();  // data messages
};

// Scans one read as a tunnel does; `check` sees every step, with the output's size before it. The input is a copy
// that is gone afterwards, as a worker's read buffer is.
template <class Check>
void feed(FrameScanner& scanner, std::string_view read, const ScanLimits& limits, Seen& seen, Check check) {
  const std::vector<std::uint8_t> buffer(read.begin(), read.end());
  Bytes input(buffer);
  FrameScanner::Step step;
  do {
    step = scanner.scan(input, limits, *seen.tally);
    check(step, seen.output.size());
    seen.output.append(as_text(step.head)).append(as_text(step.body));
    if (step.stop == FrameScanner::Stop::kControl) {
      ControlPayload room;
      seen.controls.push_back({step.control.opcode, std::string(as_text(step.control.bytes)),
                               std::string(as_text(step.control.payload(room))), seen.output.size()});
    }
    if (step.stop == FrameScanner::Stop::kViolation) seen.violation = scanner.violation();
    input = input.subspan(step.consumed);
  } while (step.stop == FrameScanner::Stop::kControl);
}

inline void feed(FrameScanner& scanner, std::string_view read, const ScanLimits& limits, Seen& seen) {
  feed(scanner, read, limits, seen, [](const FrameScanner::Step&, std::size_t) {});
}

// A fresh scanner fed with `stream`, cut at the given places (ascending).
inline Seen scan_in_pieces(Sender sender, std::string_view stream, const std::vector<std::size_t>& cuts,
                           const ScanLimits& limits = {}) {
  FrameScanner scanner(sender);
  Seen seen;
  std::size_t start = 0;
  for (const std::size_t cut : cuts) {
    feed(scanner, stream.substr(start, cut - start), limits, seen);
    start = cut;
  }
  feed(scanner, stream.substr(start), limits, seen);
  return seen;
}

inline std::vector<std::size_t> cut_everywhere(std::string_view stream) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < stream.size(); ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace drover::websocket::test
