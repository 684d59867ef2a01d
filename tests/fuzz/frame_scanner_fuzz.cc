// The frame scanner against itself, cut in other places, and against wslay in all that wslay checks. Its frame layer:
// frame sizes, control frames' length and FIN, minimal lengths, the 63-bit limit. Its event layer: reserved bits and
// opcodes, the order of continuations, message sizes, close codes. Input: a byte of options, a byte that seeds the
// cuts, the stream.
#include <wslay/wslay.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "require.h"
#include "websocket/frame_scanner.h"

namespace drover::websocket {
namespace {

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
void scan_read(FrameScanner& scanner, Bytes read, const ScanLimits& limits, MessageTally& tally, Outcome& outcome) {
  const std::vector<std::uint8_t> copy(read.begin(), read.end());
  Bytes input(copy);
  FrameScanner::Step step;
  do {
    step = scanner.scan(input, limits, tally);
    check_step(scanner, step, input.size());
    outcome.output.append(as_text(step.head)).append(as_text(step.body));
    if (step.stop == FrameScanner::Stop::kControl) {
      ControlPayload room;
      outcome.controls.push_back({step.control.opcode, std::string(as_text(step.control.bytes)),
                                  std::string(as_text(step.control.payload(room))), outcome.output.size()});
    }
    input = input.subspan(step.consumed);
  } while (step.stop == FrameScanner::Stop::kControl);
  if (step.stop == FrameScanner::Stop::kViolation) outcome.violation = scanner.violation().reason;
}

// Reads of 1…`longest` bytes; 0: all in one.
Outcome scan_cut(Sender sender, Bytes stream, const ScanLimits& limits, std::size_t longest, std::uint32_t seed) {
  FrameScanner scanner(sender);
  MessageTally tally;
  Outcome outcome;
  while (!stream.empty() && outcome.violation.empty()) {
    seed = seed * 1664525U + 1013904223U;
    const std::size_t size = longest == 0 ? stream.size() : std::min(stream.size(), 1 + (seed >> 8) % longest);
    scan_read(scanner, stream.first(size), limits, tally, outcome);
    stream = stream.subspan(size);
  }
  outcome.messages = scanner.messages();
  using Kind = MessageTally::Kind;
  REQUIRE(tally.messages(Kind::kText) + tally.messages(Kind::kBinary) == outcome.messages);
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

void check_against_frame_layer(Bytes stream, const Outcome& outcome) {
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

ssize_t drop_output(wslay_event_context_ptr, const std::uint8_t*, std::size_t size, int /*flags*/, void*) {
  return static_cast<ssize_t>(size);
}

ssize_t give_event_input(wslay_event_context_ptr context, std::uint8_t* buffer, std::size_t size, int flags,
                         void* user) {
  const ssize_t given = give_input(buffer, size, flags, user);
  if (given < 0) wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
  return given;
}

struct FreeEventContext {
  void operator()(wslay_event_context* context) const noexcept { wslay_event_context_free(context); }
};

// The code of the Close with which wslay's event layer refuses the stream, 1005 where it gives none; 0: it has nothing
// against it so far.
unsigned ask_event_layer(Sender sender, Bytes stream, const ScanLimits& limits) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = give_event_input;
  callbacks.send_callback = drop_output;
  callbacks.genmask_callback = [](wslay_event_context_ptr, std::uint8_t*, std::size_t, void*) { return 0; };
  wslay_event_context_ptr raw = nullptr;
  const auto init = sender == Sender::kClient ? wslay_event_context_server_init : wslay_event_context_client_init;
  REQUIRE(init(&raw, &callbacks, &stream) == 0);
  const std::unique_ptr<wslay_event_context, FreeEventContext> context(raw);
  wslay_event_config_set_allowed_rsv_bits(raw, limits.permessage_deflate ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE);
  if (limits.max_message_size == 0) {
    wslay_event_config_set_no_buffering(raw, 1);  // else it allocates whatever a header declares
    wslay_event_config_set_max_recv_msg_length(raw, std::numeric_limits<std::uint64_t>::max() / 2);
  } else {  // without buffering it does not add up fragments
    wslay_event_config_set_max_recv_msg_length(raw, limits.max_message_size);
  }
  static_cast<void>(wslay_event_recv(raw));  // its Close tells
  if (wslay_event_get_close_received(raw) != 0) return 0;
  REQUIRE(wslay_event_send(raw) == 0);
  return wslay_event_get_close_sent(raw) != 0 ? wslay_event_get_status_code_sent(raw) : 0;
}

// What the event layer says of everything up to the first Close that went through: it reads nothing behind it.
void check_against_event_layer(Sender sender, Bytes stream, const Outcome& outcome, const ScanLimits& limits) {
  const auto is_close = [](const Control& control) { return control.opcode == Opcode::kClose; };
  const auto close = std::ranges::find_if(outcome.controls, is_close);
  const bool closed = close != outcome.controls.end();
  bool newer_code = false;
  if (closed) {
    std::size_t size = close->at;
    for (auto control = outcome.controls.begin(); control <= close; ++control) size += control->bytes.size();
    stream = stream.first(size);
    newer_code = close->payload.starts_with("\x03\xf4") || close->payload.starts_with("\x03\xf5") ||
                 close->payload.starts_with("\x03\xf6");  // 1012 to 1014, of which wslay knows nothing
  }
  const bool legal = closed || outcome.violation.empty();
  // 1007: text that is no UTF-8, of which the scanner knows nothing; wslay is silent from there on.
  const unsigned code = ask_event_layer(sender, stream, limits);
  REQUIRE(code == 0 || code == 1007 || newer_code || !legal);
  if (legal) return;

  // The scanner knows from fewer bytes: whatever follows, wslay must come to the same end. Not its business: how many
  // fragments there are, a Close of one byte, and which frames RSV1 may stand on.
  const bool its_business = outcome.violation != "message of too many fragments" &&
                            outcome.violation != "Close frame with one byte of payload" &&
                            !(outcome.violation.starts_with("reserved bit") && limits.permessage_deflate);
  std::vector<std::uint8_t> longer(stream.begin(), stream.end());
  longer.resize(longer.size() + kMaxFrameHeader + std::tuple_size_v<ControlPayload>);
  if (its_business) REQUIRE(ask_event_layer(sender, longer, limits) != 0);
}

void check_stream(std::uint8_t options, std::uint8_t seed, Bytes stream) {
  constexpr std::uint64_t kSizes[] = {0, 200, 1000, 70000};  // wslay counts control frames too: not below 125
  constexpr std::uint32_t kFragments[] = {0, 1, 3, 16};
  const Sender sender = (options & 1) != 0 ? Sender::kClient : Sender::kBackend;
  const ScanLimits limits{.max_message_size = kSizes[options >> 2 & 3],
                          .max_fragments = kFragments[options >> 4 & 3],
                          .permessage_deflate = (options & 2) != 0};
  const Outcome outcome = scan_cut(sender, stream, limits, 0, 0);
  for (const std::size_t longest : {1U, 3U, 20U, 300U}) {
    REQUIRE(scan_cut(sender, stream, limits, longest, seed) == outcome);
  }
  check_nothing_lost(stream, outcome);
  check_against_frame_layer(stream, outcome);
  check_against_event_layer(sender, stream, outcome, limits);
}

}  // namespace
}  // namespace drover::websocket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size < 2) return 0;
  drover::websocket::check_stream(input[0], input[1], drover::Bytes(input, size).subspan(2));
  return 0;
}
