// A whole tunnel, driven by arbitrary reads, partial writes, injections, failures, endings and time on both sides, and
// judged from outside after every operation. Input: three bytes of limits, then operations, a byte each with their
// operands behind it; the top bit says which side. All times are multiples of kTick, so that none falls between.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tunnel_judge.h"

namespace drover::proxy::fuzz {
namespace {

constexpr Milliseconds kTick{10};

class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size) : bytes_(as_text({bytes, size})) {}
  bool empty() const { return bytes_.empty(); }
  unsigned byte() { return bytes_.empty() ? 0 : byte_at(take(1), 0); }
  std::string_view take(std::size_t size) {
    const std::string_view front = bytes_.substr(0, size);
    bytes_.remove_prefix(front.size());
    return front;
  }

 private:
  std::string_view bytes_;
};

// FNV-1a: an input that contains its own is not to be found.
std::string nonce_of(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t hash = 14695981039346656037U;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211U;
  std::string nonce;
  for (int i = 0; i < 8; ++i) nonce.push_back(static_cast<char>(hash >> (8 * i) & 0xff));
  return nonce;
}

TunnelLimits limits_from(Input& input) {
  using Span = TunnelLimits::Span;
  constexpr std::array<std::uint64_t, 4> kMessageSizes{0, 10, 300, 5000};
  constexpr std::array<std::uint32_t, 4> kFragments{0, 1, 3, 16};
  constexpr std::array<std::uint32_t, 4> kQueued{1, 64, 1000, 16384};
  constexpr std::array<Milliseconds, 4> kIdle{Milliseconds(0), Milliseconds(50), Milliseconds(300), Milliseconds(2000)};
  constexpr std::array<Span, 4> kStalled{Span(0), Span(10), Span(100), Span(500)};
  constexpr std::array<Span, 4> kClose{Span(10), Span(50), Span(500), Span(5000)};
  constexpr std::array<Span, 4> kInterval{Span(0), Span(50), Span(200), Span(1000)};
  constexpr std::array<Span, 4> kTimeout{Span(10), Span(50), Span(200), Span(1000)};
  const unsigned scan = input.byte();
  const unsigned ends = input.byte();
  const unsigned pings = input.byte();
  TunnelLimits limits;
  limits.scan = {kMessageSizes[scan & 3], kFragments[scan >> 2 & 3], (scan >> 4 & 1) != 0};
  limits.max_queued = kQueued[ends & 3];
  limits.idle = kIdle[ends >> 2 & 3];
  limits.stalled_write = kStalled[ends >> 4 & 3];
  limits.close = kClose[ends >> 6 & 3];
  limits.ping_client = kInterval[pings & 3];
  limits.ping_backend = kInterval[pings >> 2 & 3];
  limits.ping_timeout = kTimeout[pings >> 4 & 3];
  return limits;
}

// What a side is going to send, whatever Drover reads of it.
struct Sending {
  const bool masks;
  std::string bytes{};
  bool in_message = false;
  std::uint32_t key = 1;

  void frame(unsigned first, std::string payload) {
    bytes.push_back(static_cast<char>(first));
    const unsigned mask_bit = masks ? 0x80 : 0;
    const std::size_t size = payload.size();
    const int width = size < 126 ? 0 : size < 65536 ? 2 : 8;
    bytes.push_back(static_cast<char>(mask_bit | (width == 0 ? size : width == 2 ? 126U : 127U)));
    for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<char>(size >> (8 * i) & 0xff));
    if (masks) {
      key = key * 1664525U + 1013904223U;
      for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(key >> (8 * i) & 0xff));
      for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(byte_at(payload, i) ^ key >> (8 * (i % 4)));
    }
    bytes += payload;
  }
  // The next frame of a message. `kind`: FIN, RSV1 and text or binary in its low bits.
  void data(unsigned kind, std::size_t size, bool deflate) {
    const bool fin = (kind & 1) == 0;
    const unsigned opcode = in_message ? 0 : 1 + (kind >> 1 & 1);
    const unsigned rsv = deflate && !in_message && (kind & 4) != 0 ? 0x40 : 0;
    frame((fin ? 0x80U : 0U) | rsv | opcode, std::string(size, static_cast<char>('a' + kind % 26)));
    in_message = !fin;
  }
};

std::size_t size_from(unsigned byte) {
  if (byte < 200) return byte;
  return byte == 255 ? 65536 : (byte - 199) * 97;
}

class Driver {
 public:
  Driver(Input& input, const TunnelLimits& limits, std::string nonce)
      : input_(input),
        limits_(limits),
        nonce_(std::move(nonce)),
        tunnel_(host_, limits),
        judge_(host_, limits, nonce_) {}

  void run() {
    start();
    while (!host_.finished && !input_.empty() && steps_ < kMostSteps) operate(input_.byte());
    for (int i = 0; i < 3 && !host_.finished; ++i) pass(1);
    if (!host_.finished) {
      event([&] { tunnel_.shut_down(websocket::CloseCode::kGoingAway, "shutdown", Why::kShutdown); },
            [&] { judge_.shut_down(1001); });
      pass(static_cast<unsigned>(limits_.close / kTick));
    }
    REQUIRE(host_.finished);
    judge_.check_counters();
  }

 private:
  static constexpr unsigned kMostSteps = 5000;

  // What the judge is told of an operation comes after it, as do the tunnel's own doings.
  template <class Act, class Tell>
  void event(Act act, Tell tell) {
    if (host_.finished) return;
    ++steps_;
    judge_.look();
    act();
    tell();
    judge_.settle(Judge::Operation::kEvent);
  }

  void start() {
    const unsigned options = input_.byte();
    if ((options & 1) != 0) host_.client().room = host_.backend().room = 0;
    Side& side = (options & 2) != 0 ? judge_.client() : judge_.backend();
    const std::string_view behind_head = input_.take(options >> 2);
    event(
        [&] {
          if (!behind_head.empty()) judge_.before_read(side, behind_head);
          const Bytes bytes = as_bytes(behind_head);
          tunnel_.start((options & 2) != 0 ? Bytes() : bytes, (options & 2) != 0 ? bytes : Bytes());
        },
        [&] { judge_.after_read(side); });
  }

  void operate(unsigned operation) {
    const bool is_client = (operation & 0x80) == 0;
    Side& side = is_client ? judge_.client() : judge_.backend();
    Sending& sending = is_client ? client_ : backend_;
    trace(is_client ? "client" : "backend", (operation & 0x7f) % 24);
    switch ((operation & 0x7f) % 24) {
      case 0: compose_data(sending); return deliver(side, sending, sending.bytes.size());
      case 1: return compose_data(sending);
      case 2: return compose_control(sending);
      case 3: return compose_close(sending);
      case 4: return compose_answer(side, sending);
      case 5: sending.bytes += input_.take(input_.byte()); return;
      case 6: return deliver(side, sending, sending.bytes.size());
      case 7: return deliver(side, sending, input_.byte());
      case 8:
        for (unsigned left = input_.byte(); left > 0 && side.reads() && !sending.bytes.empty(); --left) {
          deliver(side, sending, 1);
        }
        return;
      default: return operate_stream(side, (operation & 0x7f) % 24);
    }
  }
  // DROVER_FUZZ_TRACE=1 tells the story of an input.
  void trace(const char* side, unsigned operation) {
    constexpr std::array<const char*, 24> kNames{
        "data, deliver", "data",    "ping or pong",   "close",       "answer",      "raw bytes",
        "deliver all",   "deliver", "deliver single", "eof",         "reset",       "room",
        "room endless",  "drain",   "drain all",      "fail",        "inject pong", "inject text",
        "inject binary", "pass",    "unread",         "acknowledge", "lost",        "shut down"};
    static const bool kWanted = std::getenv("DROVER_FUZZ_TRACE") != nullptr;
    if (!kWanted) return;
    const auto show = [](const char* name, const Side& each) {
      std::fprintf(stderr, "  %s: taken %zu, waiting %zu%s%s%s\n", name, each.stream.taken().size(),
                   each.stream.queued(), each.stream.paused() ? ", paused" : "", each.in.over ? ", over" : "",
                   each.in.due ? ", due" : "");
    };
    show("client", judge_.client());
    show("backend", judge_.backend());
    std::fprintf(stderr, "%lld %s: %s\n", static_cast<long long>(host_.now().time_since_epoch().count()), side,
                 kNames[operation]);
  }
  void operate_stream(Side& side, unsigned operation) {
    constexpr auto kNothing = [] {};
    test::FakeStream& stream = side.stream;
    switch (operation) {
      case 9: return end_read(side, net::ReadEnd::kEof);
      case 10: return end_read(side, net::ReadEnd::kReset);
      case 11: stream.room = size_from(input_.byte()); return;
      case 12: stream.room = test::FakeStream::kEndless; return;
      case 13: return drain(side, input_.byte());
      case 14: return drain(side, stream.queued());
      case 15: {
        const bool dead = stream.write_failed() || stream.closed;
        return event([&] { stream.fail(); },
                     [&] {
                       if (!dead) judge_.fail(side);
                     });
      }
      case 16: return inject(side, Opcode::kPong, input_.byte() % 100);
      case 17: return inject(side, Opcode::kText, size_from(input_.byte()));
      case 18: return inject(side, Opcode::kBinary, size_from(input_.byte()));
      case 19: return pass(input_.byte());
      case 20: stream.link_state.unread = input_.byte() & 1; return event(kNothing, kNothing);
      case 21:
        stream.link_state.unsent = (input_.byte() & 1) != 0;
        ++stream.link_state.acknowledged;
        return event(kNothing, [&] { judge_.acknowledge(side); });
      case 22: stream.link_state.lost = true; return event(kNothing, kNothing);
      default: return shut_down();
    }
  }

  void compose_data(Sending& sending) {
    const unsigned kind = input_.byte();
    sending.data(kind, size_from(input_.byte()), limits_.scan.permessage_deflate);
  }
  void compose_control(Sending& sending) {
    const unsigned kind = input_.byte();
    sending.frame((kind & 0x80) != 0 ? 0x8a : 0x89, std::string(kind & 0x1f, 'p'));
  }
  void compose_close(Sending& sending) {
    constexpr std::array<unsigned, 8> kCodes{0, 1000, 1001, 1012, 1006, 3000, 4999, 5000};
    const unsigned kind = input_.byte();
    const unsigned code = kCodes[kind & 7];
    std::string payload;
    if (code != 0) payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    sending.frame(0x88, payload + std::string(code == 0 ? 0 : kind >> 4, 'r'));
  }
  // A Pong for a ping of Drover's own that this side was sent, an old one, too, or one that is none quite.
  void compose_answer(const Side& side, Sending& sending) {
    const unsigned kind = input_.byte();
    const OwnPings& pings = side.in.pings;
    if (pings.sent == 0) return;
    const std::uint32_t number = (kind & 0x80) != 0 ? pings.sent + 1000 : pings.sent - (kind & 3) % pings.sent;
    std::string payload = pings.tag;
    for (unsigned i = 0; i < 4; ++i) payload.push_back(static_cast<char>(number >> (8 * i) & 0xff));
    if ((kind & 0x40) != 0) payload[kind & 3] = static_cast<char>(payload[kind & 3] ^ 1);
    if ((kind & 0x20) != 0) payload.push_back('x');
    sending.frame(0x8a, payload);
  }

  void deliver(Side& side, Sending& sending, std::size_t size) {
    size = std::min(size, sending.bytes.size());
    if (size == 0 || !side.reads()) return;
    const std::string chunk = sending.bytes.substr(0, size);
    sending.bytes.erase(0, size);
    event(
        [&] {
          judge_.before_read(side, chunk);
          REQUIRE(side.stream.receive(chunk));
        },
        [&] { judge_.after_read(side); });
  }
  void end_read(Side& side, net::ReadEnd end) {
    if (!side.reads()) return;
    event([&] { REQUIRE(side.stream.receive_end(end)); }, [&] { judge_.end_read(side, end); });
  }
  void drain(Side& side, std::size_t size) {
    if (size == 0) return;
    event([&] { side.stream.drain(size); }, [&] { judge_.drain(side); });
  }
  void inject(Side& side, Opcode opcode, std::size_t size) {
    std::string payload = nonce_;
    for (unsigned i = 0; i < 4; ++i) payload.push_back(static_cast<char>(injected_ >> (8 * i) & 0xff));
    ++injected_;
    payload.append(size, 'i');
    const auto towards = side.name == Initiator::kClient ? Tunnel::Side::kClient : Tunnel::Side::kBackend;
    Relay::Injected result{};
    event([&] { result = tunnel_.inject(towards, opcode, as_bytes(payload)); },
          [&] { judge_.injected(side, opcode, payload, result); });
  }
  void shut_down() {
    event([&] { tunnel_.shut_down(websocket::CloseCode::kServiceRestart, "drain", Why::kShutdown); },
          [&] { judge_.shut_down(1012); });
  }
  void pass(unsigned ticks) {
    for (; ticks > 0 && !host_.finished; --ticks) {
      ++steps_;
      judge_.look();
      host_.pass(kTick, tunnel_);
      judge_.settle(Judge::Operation::kTime);
    }
  }

  Input& input_;
  const TunnelLimits limits_;
  const std::string nonce_;
  test::FakeHost host_;
  Tunnel tunnel_;
  Judge judge_;
  Sending client_{.masks = true};
  Sending backend_{.masks = false};
  std::uint32_t injected_ = 0;
  unsigned steps_ = 0;
};

}  // namespace
}  // namespace drover::proxy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover::proxy::fuzz;
  Input input(bytes, size);
  const auto limits = limits_from(input);
  Driver(input, limits, nonce_of(bytes, size)).run();
  return 0;
}
