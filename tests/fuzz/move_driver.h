// Drives a tunnel whose backend may change: beside what the driver of plain tunnels does, candidates that open, refuse
// and die, moves that are begun and called off, and messages between backends and Drover. For the tunnel fuzzer.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "move_judge.h"
#include "tunnel_input.h"

namespace drover::proxy::fuzz {

class MoveDriver {
 public:
  MoveDriver(Input& input, const TunnelLimits& limits, std::string nonce, Handoff::Form form)
      : input_(input),
        limits_(limits_for_moves(limits)),
        nonce_(std::move(nonce)),
        tunnel_(host_, limits_),
        moves_(host_, tunnel_, {form, kTimeout, kQuiet, kClose}, kMostState),
        judge_(host_, tunnel_, moves_, limits_, nonce_, kMostState) {}

  void run() {
    const unsigned options = input_.byte();
    if ((options & 1) != 0) host_.client().room = host_.backend().room = 0;
    if ((options & 2) != 0) host_.farewell_after = Milliseconds(400);
    moves_.may_rescue = (options & 4) != 0;
    moves_.may_follow = (options & 8) == 0;
    tunnel_.start({}, {});
    while (!host_.finished && !input_.empty() && steps_ < kMostSteps) operate(input_.byte());
    // Whatever goes on comes to its end.
    event([&] { host_.client().drain(host_.client().queued()); }, [] {});
    host_.client().room = host_.backend().room = test::FakeStream::kEndless;
    for (unsigned i = 0; i < 1'000 && goes_on(); ++i) pass(1);
    if (!host_.finished) {
      REQUIRE(!goes_on());
      event([&] { tunnel_.shut_down(websocket::CloseCode::kGoingAway, "shutdown", Why::kShutdown); },
            [&] { judge_.shut_down(1001); });
      pass(static_cast<unsigned>(limits_.close / kTick));
    }
    REQUIRE(host_.finished);
    judge_.check_over();
  }

 private:
  static constexpr unsigned kMostSteps = 5000;
  static constexpr std::size_t kMostState = 60;
  static constexpr Milliseconds kTimeout{200}, kQuiet{60}, kClose{100};
  // A turn to come, a stage each for the dials, the boundary and the last word, and the Close.
  static constexpr Milliseconds kLongest = Milliseconds(400) + 4 * kTimeout + kClose + Milliseconds(200);

  // How much a message may have is judged of plain tunnels.
  static TunnelLimits limits_for_moves(TunnelLimits limits) {
    limits.scan.max_message_size = 0;
    limits.scan.max_fragments = 0;
    return limits;
  }

  bool goes_on() { return moves_.handoff() != nullptr || tunnel_.client_is_held() || tunnel_.owes_farewell(); }

  template <class Act, class Tell>
  void event(Act act, Tell tell, bool by_time = false) {
    if (host_.finished) return;
    ++steps_;
    judge_.look();
    tell();
    act();
    judge_.settle(by_time);
    const Handoff* const now = moves_.handoff();
    const std::size_t number = moves_.ended.size();
    if (now == nullptr || number != handoff_number_) age_ = Milliseconds(0);
    handoff_number_ = number;
  }
  void pass(unsigned ticks) {
    for (; ticks > 0 && !host_.finished; --ticks) {
      const bool stands_still = host_.backend().paused();
      event([&] { host_.pass(kTick, tunnel_); }, [] {}, true);
      if (moves_.handoff() == nullptr || stands_still) continue;
      age_ += kTick;
      REQUIRE(age_ <= kLongest);
    }
  }

  Sending& sending() {
    while (backends_.size() <= served()) backends_.push_back({.masks = false});
    return backends_[served()];
  }
  // How many candidates have come before the one that serves.
  std::size_t served() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < moves_.candidates.size(); ++i) {
      if (&moves_.candidates[i].stream == &host_backend()) count = i + 1;
    }
    return count;
  }
  const test::FakeStream& host_backend() const { return const_cast<test::FakeHost&>(host_).backend(); }
  std::string key() const { return test::FakeHandoffHost::key_of(served()); }

  void operate(unsigned operation) {
    const bool is_client = (operation & 0x80) == 0;
    Sending& from = is_client ? client_ : sending();
    const unsigned kind = (operation & 0x7f) % 36;
    trace(is_client, kind);
    switch (kind) {
      case 0: from.data_from(input_, limits_.scan.permessage_deflate); return deliver(is_client, from.bytes.size());
      case 1: return from.data_from(input_, limits_.scan.permessage_deflate);
      case 2: return from.control_from(input_);
      case 3: return from.close_from(input_);
      case 4: return from.answer_from(input_, is_client ? judge_.pings_to_client() : judge_.serving().pings);
      case 5: from.bytes += input_.take(input_.byte()); return;
      case 6: return deliver(is_client, from.bytes.size());
      case 7: return deliver(is_client, input_.byte());
      case 8:
        for (unsigned left = input_.byte(); left > 0; --left) deliver(is_client, 1);
        return;
      case 9: return end_read(is_client, net::ReadEnd::kEof);
      case 10: return end_read(is_client, net::ReadEnd::kReset);
      default: break;
    }
    if (kind < 22) return operate_stream(is_client, kind);
    operate_move(kind);
  }
  void operate_stream(bool is_client, unsigned kind) {
    test::FakeStream& stream = is_client ? host_.client() : host_.backend();
    switch (kind) {
      case 11: stream.room = size_from(input_.byte()); return;
      case 12: stream.room = test::FakeStream::kEndless; return;
      case 13: return drain(stream, input_.byte());
      case 14: return drain(stream, stream.queued());
      case 15: return event([&] { stream.fail(); }, [&] { judge_.failed(is_client); });
      case 16: return inject();
      case 17: return pass(input_.byte());
      case 18: return pass(1);
      case 19: stream.link_state.lost = true; return event([] {}, [&] { judge_.failed(is_client); });
      case 20: ++stream.link_state.acknowledged; return;
      default:
        return event([&] { tunnel_.shut_down(websocket::CloseCode::kServiceRestart, "drain", Why::kShutdown); },
                     [&] { judge_.shut_down(1012); });
    }
  }
  void operate_move(unsigned kind) {
    const test::FakeHandoffHost::Candidate* const current = moves_.current();
    const bool dials = current != nullptr && current->state == test::FakeHandoffHost::Candidate::State::kDialled;
    switch (kind) {
      case 22: return add();
      case 23: return event([&] { moves_.begin(); }, [] {});
      case 24:
        if (dials) event([&] { moves_.open(); }, [] {});
        return;
      case 25:
        if (current != nullptr) event([&] { moves_.refuse(); }, [] {});
        return;
      case 26:
        if (current != nullptr) event([&] { moves_.kill(); }, [] {});
        return;
      case 27:
        if (moves_.handoff() != nullptr) event([&] { moves_.handoff()->call_off(); }, [] {});
        return;
      case 28: return say("left", input_.byte());
      case 29: return say("leaving", input_.byte());
      case 30: return say("later", input_.byte());
      case 31: return answer_asked();
      case 32:
        if (current != nullptr) moves_.current()->stream.fail();
        return;
      case 33: return begin_and_open();
      case 34: return speak_in_the_past();
      default: return say("left", 0), deliver(false, sending().bytes.size());
    }
  }
  // DROVER_FUZZ_TRACE=1 tells the story of an input.
  void trace(bool is_client, unsigned kind) {
    static const bool kWanted = std::getenv("DROVER_FUZZ_TRACE") != nullptr;
    if (!kWanted) return;
    constexpr std::array<const char*, 36> kNames{
        "data, deliver", "data",       "ping or pong",   "close",       "answer",   "raw bytes",
        "deliver all",   "deliver",    "deliver single", "eof",         "reset",    "room",
        "room endless",  "drain",      "drain all",      "fail",        "inject",   "pass",
        "tick",          "lost",       "acknowledge",    "shut down",   "add",      "begin",
        "open",          "refuse",     "kill",           "call off",    "left",     "leaving",
        "unknown verb",  "answer ask", "fail the next",  "begin, open", "the past", "left, deliver"};
    std::fprintf(stderr, "%lld %s: %s | backend %zu%s%s%s%s\n",
                 static_cast<long long>(host_.now().time_since_epoch().count()), is_client ? "client" : "backend",
                 kNames[kind], served(), moves_.handoff() != nullptr ? ", handoff" : "",
                 tunnel_.client_is_held() ? ", held" : "", host_.ended_by ? ", ended" : "",
                 tunnel_.owes_farewell() ? ", farewell" : "");
  }

  void deliver(bool is_client, std::size_t size) {
    Sending& from = is_client ? client_ : sending();
    test::FakeStream& stream = is_client ? host_.client() : host_.backend();
    size = std::min(size, from.bytes.size());
    if (size == 0 || stream.closed || stream.paused() || ended_.contains(&stream) || host_.finished) return;
    const std::string chunk = from.bytes.substr(0, size);
    from.bytes.erase(0, size);
    event([&] { REQUIRE(stream.receive(chunk)); },
          [&] { is_client ? judge_.client_reads(chunk) : judge_.backend_reads(chunk); });
  }
  void end_read(bool is_client, net::ReadEnd end) {
    test::FakeStream& stream = is_client ? host_.client() : host_.backend();
    if (stream.closed || stream.paused() || !ended_.insert(&stream).second) return;
    event([&] { REQUIRE(stream.receive_end(end)); },
          [&] { is_client ? judge_.end_of_client() : judge_.end_of_backend(); });
  }
  void drain(test::FakeStream& stream, std::size_t size) {
    if (size > 0) event([&] { stream.drain(size); }, [] {});
  }
  void inject() {
    std::string payload = nonce_ + std::to_string(injected_++);
    Relay::Injected result{};
    event(
        [&] {
          result = tunnel_.inject(Tunnel::Side::kClient, Opcode::kText, as_bytes(payload));
          judge_.injected(payload, result);
        },
        [] {});
  }
  void add() {
    auto& candidate = moves_.add();
    const unsigned kind = input_.byte();
    if ((kind & 1) != 0) candidate.stream.room = size_from(kind);
    // What it says before it is read: whole frames, or the front of one.
    const std::size_t number = moves_.candidates.size();
    while (backends_.size() <= number) backends_.push_back({.masks = false});
    Sending& from = backends_[number];
    if ((kind & 2) != 0) from.data_from(input_, false);
    if ((kind & 4) != 0) from.control_from(input_);
    if ((kind & 8) != 0) say_as(from, test::FakeHandoffHost::key_of(number), "leaving", 0);
    if ((kind & 16) != 0) from.close_from(input_);
    const std::size_t size = (kind & 32) != 0 ? from.bytes.size() / 2 : from.bytes.size();
    candidate.early = from.bytes.substr(0, size);
    from.bytes.erase(0, size);
  }
  void begin_and_open() {
    add();
    event([&] { moves_.begin(); }, [] {});
    operate_move(24);
  }
  // A message of the backend's to Drover. `kind`: in how many frames, with spaces, and whether the key is its own.
  void say(const char* verb, unsigned kind) { say_as(sending(), key(), verb, kind); }
  void say_as(Sending& from, std::string of, const char* verb, unsigned kind) {
    if ((kind & 0x80) != 0) of.back() = 'x';
    const char* const space = (kind & 0x40) != 0 ? " " : "";
    std::string text = std::string("{") + space + "\"drover\":" + space + "\"" + verb + "\",\"key\":\"" + of + "\"";
    const std::size_t size = kind >> 2 & 0xf;
    if ((kind & 1) != 0) text += ",\"state\":\"" + std::string(size * 5, 's') + std::to_string(said_++) + "\"";
    text += "}";
    if ((kind & 2) == 0) return from.frame(0x81, text);
    const std::size_t cut = std::min<std::size_t>(text.size(), 60 + size);
    from.frame(0x01, text.substr(0, cut));
    from.frame(0x89, "between");
    from.frame(0x80, text.substr(cut));
  }
  void answer_asked() {
    const std::string& asked = judge_.serving().asked;
    if (asked.empty()) return;
    sending().frame(0x8a, asked);
    deliver(false, sending().bytes.size());
  }
  // Who has served before says more, and ends: nobody is to notice.
  void speak_in_the_past() {
    if (&host_.backend() == &first_) return;
    event(
        [&] {
          first_.receive("\x81\x04past");
          first_.receive_end(net::ReadEnd::kEof);
        },
        [] {});
  }

  Input& input_;
  const TunnelLimits limits_;
  const std::string nonce_;
  test::FakeHost host_;
  test::FakeStream& first_ = host_.backend();
  Tunnel tunnel_;
  test::FakeHandoffHost moves_;
  MoveJudge judge_;
  Sending client_{.masks = true};
  std::deque<Sending> backends_;
  std::set<const test::FakeStream*> ended_;
  std::size_t handoff_number_ = 0;
  Milliseconds age_{0};  // of the handoff that goes on, while its clock does not stand still
  unsigned injected_ = 0;
  unsigned said_ = 0;
  unsigned steps_ = 0;
};

}  // namespace drover::proxy::fuzz
