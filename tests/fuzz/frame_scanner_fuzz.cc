// The frame scanner against itself, cut in other places, and against wslay in what wslay's frame layer checks: frame
// sizes, control frames' length and FIN, minimal lengths, the 63-bit limit. Input: a byte of options, a byte that
// seeds the cuts, the stream.
#include <wslay/wslay.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "websocket/frame_scanner.h"

namespace drover::websocket {
namespace {

#define REQUIRE(condition)                                                         \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

struct Control {
  Opcode opcode;
  std::string bytes;
  std::string payload;
  std::size_t at;  // how much had been passed on before it
  bool operator==(const Control&) const = default;
};

struct Outcome {
  std::string output;
  std::vector<Control> controls;
  std::string violation;
  std::uint64_t messages = 0;
  bool at_frame_boundary = false;
  bool at_message_boundary = false;
  bool operator==(const Outcome&) const = default;
};

// What a step says of boundaries must hold for the output as a whole.
void check_step(const FrameScanner& scanner, const FrameScanner::Step& step, std::size_t offered) {
  const std::size_t size = step.head.size() + step.body.size();
  REQUIRE(step.consumed <= offered);
  REQUIRE(step.body.size() <= step.consumed);
  REQUIRE(step.stop != FrameScanner::Stop::kInput || step.consumed == offered);
  REQUIRE(scanner.at_frame_boundary() == (step.frame_boundary == size));
  REQUIRE(scanner.at_message_boundary() == (step.message_boundary == size));
  REQUIRE(step.frame_boundary == FrameScanner::kNone || step.frame_boundary <= size);
  REQUIRE(step.message_boundary == FrameScanner::kNone || step.message_boundary <= step.frame_boundary);
  REQUIRE(step.stop != FrameScanner::Stop::kControl || step.frame_boundary == size);
}

// One read, in memory of its own that is gone afterwards.
void scan_read(FrameScanner& scanner, Bytes read, const ScanLimits& limits, Outcome& outcome) {
  const std::vector<std::uint8_t> copy(read.begin(), read.end());
  Bytes input(copy);
  FrameScanner::Step step;
  do {
    step = scanner.scan(input, limits);
    check_step(scanner, step, input.size());
    outcome.output.append(as_text(step.head)).append(as_text(step.body));
    if (step.stop == FrameScanner::Stop::kControl) {
      const ControlFrame& control = scanner.control();
      outcome.controls.push_back({control.opcode, std::string(as_text(control.bytes)),
                                  std::string(as_text(control.payload)), outcome.output.size()});
    }
    input = input.subspan(step.consumed);
  } while (step.stop == FrameScanner::Stop::kControl);
  if (step.stop == FrameScanner::Stop::kViolation) outcome.violation = scanner.violation().reason;
}

// Reads of 1…`longest` bytes; 0: all in one.
Outcome scan_cut(Sender sender, Bytes stream, const ScanLimits& limits, std::size_t longest, std::uint32_t seed) {
  FrameScanner scanner(sender);
  Outcome outcome;
  while (!stream.empty() && outcome.violation.empty()) {
    seed = seed * 1664525U + 1013904223U;
    const std::size_t size = longest == 0 ? stream.size() : std::min(stream.size(), 1 + (seed >> 8) % longest);
    scan_read(scanner, stream.first(size), limits, outcome);
    stream = stream.subspan(size);
  }
  outcome.messages = scanner.messages();
  outcome.at_frame_boundary = scanner.at_frame_boundary();
  outcome.at_message_boundary = scanner.at_message_boundary();
  return outcome;
}

// The same stream through wslay's frame layer.
struct Oracle {
  std::vector<Control> controls;  // whole ones, opcode and payload
  std::uint64_t messages = 0;     // last frames of data messages of which a byte of payload was seen, or that had none
  bool refused = false;
};

ssize_t give_input(std::uint8_t* buffer, std::size_t size, int /*flags*/, void* user) {
  Bytes& rest = *static_cast<Bytes*>(user);
  const std::size_t given = std::min(size, rest.size());
  std::copy_n(rest.begin(), given, buffer);
  rest = rest.subspan(given);
  return given > 0 ? static_cast<ssize_t>(given) : -1;
}

Oracle ask_wslay(Bytes stream) {
  const wslay_frame_callbacks callbacks{nullptr, give_input, nullptr};
  wslay_frame_context_ptr context = nullptr;
  REQUIRE(wslay_frame_context_init(&context, &callbacks, &stream) == 0);
  Oracle oracle;
  std::string payload;
  std::uint64_t left = 0;  // of the frame at hand
  for (;;) {
    wslay_frame_iocb piece{};
    const ssize_t result = wslay_frame_recv(context, &piece);
    if (result < 0) {
      oracle.refused = result == WSLAY_ERR_PROTO;
      break;
    }
    const bool is_control = wslay_is_ctrl_frame(piece.opcode) != 0;
    if (left == 0) {
      left = piece.payload_length;
      payload.clear();
      if (!is_control && piece.fin != 0) ++oracle.messages;
    }
    left -= piece.data_length;
    if (!is_control) continue;
    payload.append(as_text({piece.data, piece.data_length}));
    if (left == 0) oracle.controls.push_back({static_cast<Opcode>(piece.opcode), "", payload, 0});
  }
  wslay_frame_context_free(context);
  return oracle;
}

// Output and control frames, put together again, are the stream but for what is held or refused at its end.
void check_nothing_lost(Bytes stream, const Outcome& outcome) {
  std::string together;
  std::size_t at = 0;
  for (const Control& control : outcome.controls) {
    together.append(outcome.output, at, control.at - at).append(control.bytes);
    at = control.at;
  }
  together.append(outcome.output, at);
  REQUIRE(as_text(stream).starts_with(together));
  REQUIRE(!outcome.violation.empty() || stream.size() - together.size() < 131);
}

void check_against_wslay(Bytes stream, const Outcome& outcome) {
  // The scanner knows from fewer bytes: whatever follows, wslay must come to the same end.
  std::vector<std::uint8_t> longer(stream.begin(), stream.end());
  longer.resize(longer.size() + kMaxFrameHeader);
  const bool wslay_checks = outcome.violation == "fragmented control frame" ||
                            outcome.violation == "control frame over 125 bytes" ||
                            outcome.violation == "payload length not in its shortest form" ||
                            outcome.violation == "payload length with the top bit set";
  if (wslay_checks) REQUIRE(ask_wslay(longer).refused);

  const Oracle oracle = ask_wslay(stream);
  REQUIRE(!oracle.refused || !outcome.violation.empty());
  REQUIRE(outcome.controls.size() <= oracle.controls.size());
  for (std::size_t i = 0; i < outcome.controls.size(); ++i) {
    REQUIRE(outcome.controls[i].opcode == oracle.controls[i].opcode);
    REQUIRE(outcome.controls[i].payload == oracle.controls[i].payload);
  }
  if (!outcome.violation.empty()) return;
  REQUIRE(outcome.controls.size() == oracle.controls.size());
  // A last header without a byte of its payload is known to the scanner alone.
  REQUIRE(outcome.messages == oracle.messages ||
          (outcome.messages == oracle.messages + 1 && !outcome.at_frame_boundary));
}

void check_stream(std::uint8_t options, std::uint8_t seed, Bytes stream) {
  constexpr std::uint64_t kSizes[] = {0, 100, 1000, 70000};
  const Sender sender = (options & 1) != 0 ? Sender::kClient : Sender::kBackend;
  const ScanLimits limits{.max_message_size = kSizes[options >> 2 & 3], .permessage_deflate = (options & 2) != 0};
  const Outcome outcome = scan_cut(sender, stream, limits, 0, 0);
  for (const std::size_t longest : {1U, 3U, 20U, 300U}) {
    REQUIRE(scan_cut(sender, stream, limits, longest, seed) == outcome);
  }
  check_nothing_lost(stream, outcome);
  check_against_wslay(stream, outcome);
}

}  // namespace
}  // namespace drover::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size < 2) return 0;
  drover::websocket::check_stream(input[0], input[1], drover::Bytes(input, size).subspan(2));
  return 0;
}
