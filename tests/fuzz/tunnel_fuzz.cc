// A whole tunnel, driven by arbitrary reads, partial writes, injections, failures, endings and time on both sides, and
// judged from outside after every operation. Input: three bytes of limits, then operations, a byte each with their
// operands behind it; the top bit says which side. All times are multiples of kTick, so that none falls between.
// Two bits of the first byte say whether the tunnel's backend may change: see move_driver.h.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "move_driver.h"
#include "tunnel_input.h"
#include "tunnel_judge.h"

namespace drover::proxy::fuzz {
namespace {

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
      case 0:
        sending.data_from(input_, limits_.scan.permessage_deflate);
        return deliver(side, sending, sending.bytes.size());
      case 1: return sending.data_from(input_, limits_.scan.permessage_deflate);
      case 2: return sending.control_from(input_);
      case 3: return sending.close_from(input_);
      case 4: return sending.answer_from(input_, side.in.pings);
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
  const unsigned first = input.byte();
  const auto limits = limits_from(first, input);
  const std::string nonce = nonce_of(bytes, size);
  switch (first >> 5 & 3) {
    case 1: MoveDriver(input, limits, nonce, drover::proxy::Handoff::Form::kContract).run(); break;
    case 2: MoveDriver(input, limits, nonce, drover::proxy::Handoff::Form::kAssume).run(); break;
    default: Driver(input, limits, nonce).run(); break;
  }
  return 0;
}
