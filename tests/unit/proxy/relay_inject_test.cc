// Frames of Drover's own in a direction of a tunnel: each whole, once, where it may stand, and as early as that.
#include <doctest/doctest.h>

#include "proxy/relay.h"
#include "unit/proxy/relay_fixture.h"

namespace drover::proxy::test {
namespace {

struct FromBackend : RelayFixture {};
struct FromClient : RelayFixture {
  FromClient() : RelayFixture(Sender::kClient) {}
};

// A bit of everything: lengths of both widths, fragments, empty frames, control frames between messages and within.
std::string colourful(Sender sender) {
  return frame(sender, kPing, "ping") + frame(sender, kTextBegins, "hello") + frame(sender, kPong, "") +
         frame(sender, kGoesOn, "") + frame(sender, kPing, "again") + frame(sender, kLast, std::string(126, 'w')) +
         frame(sender, kBinary, "b") + frame(sender, kPong, "last") + frame(sender, kText, "");
}

// Where the frame with this payload came out, as an offset into the stream without it; none where it is not whole or
// not there exactly once.
struct Found {
  std::string stream;  // without the injected frames
  std::vector<std::size_t> control, data;
  bool legal = false;
};
Found take_out(const std::string& output, std::string_view control, std::string_view data) {
  const Wire wire = read_wire(output);
  Found found;
  found.legal = in_legal_order(wire.frames);
  for (const WireFrame& each : wire.frames) {
    if (each.payload == control && each.opcode == 9) {
      found.control.push_back(found.stream.size());
    } else if (each.payload == data && each.opcode == 1) {
      found.data.push_back(found.stream.size());
    } else {
      found.stream += each.raw(output);
    }
  }
  found.stream += wire.left_over;
  return found;
}

constexpr std::string_view kOurPing = "from drover", kOurText = "drover says";
using At = std::vector<std::size_t>;

TEST_CASE("byte by byte, an injection at any point comes out whole, once, at the first place that is legal") {
  for (const Sender sender : {Sender::kBackend, Sender::kClient}) {
    const std::string stream = colourful(sender);
    const Places places(stream);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
      CAPTURE(at);
      RelayFixture fed(sender);
      fed.feed_each_byte(stream.substr(0, at));
      const bool text_now = fed.inject(Opcode::kText, kOurText) == Relay::Injected::kSent;
      const bool ping_now = fed.inject(Opcode::kPing, kOurPing) == Relay::Injected::kSent;
      const std::size_t so_far = take_out(fed.written(), kOurPing, kOurText).stream.size();
      fed.feed_each_byte(stream.substr(at));
      const Found found = take_out(fed.written(), kOurPing, kOurText);
      CHECK(found.legal);
      CHECK(found.stream == stream);
      CHECK(found.control == At{places.for_control(at)});
      CHECK(found.data == At{places.for_data(at)});
      CHECK(ping_now == (so_far == places.for_control(at)));
      CHECK(text_now == (so_far == places.for_data(at)));
      CHECK(fed.observer.pings_injected == (ping_now ? 0 : 1));
      CHECK(fed.relay.bytes() == stream.size());
    }
  }
}

TEST_CASE("cut at any two places, an injection made between comes out whole, once, at a legal place") {
  for (const Sender sender : {Sender::kBackend, Sender::kClient}) {
    const std::string stream = colourful(sender);
    const Places places(stream);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
      for (std::size_t next = at; next <= stream.size(); ++next) {
        RelayFixture fed(sender);
        fed.feed(std::string_view(stream).substr(0, at));
        fed.inject(Opcode::kText, kOurText);
        fed.inject(Opcode::kPing, kOurPing);
        fed.feed(std::string_view(stream).substr(at, next - at));
        fed.feed(std::string_view(stream).substr(next));
        const Found found = take_out(fed.written(), kOurPing, kOurText);
        const bool right = found.legal && found.stream == stream && found.control.size() == 1 &&
                           found.data.size() == 1 && found.control[0] >= places.for_control(at) &&
                           found.data[0] >= places.for_data(at) && fed.relay.bytes() == stream.size();
        if (right) continue;  // tens of thousands of them
        CAPTURE(at);
        CAPTURE(next);
        CHECK(right);
      }
    }
  }
}

TEST_CASE("cut anywhere, a Close of Drover's own stands at a boundary, with all before it and nothing behind it") {
  for (const Sender sender : {Sender::kBackend, Sender::kClient}) {
    const std::string stream = colourful(sender);
    const Places places(stream);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
      for (std::size_t next = at; next <= stream.size(); ++next) {
        RelayFixture fed(sender);
        fed.feed(std::string_view(stream).substr(0, at));
        fed.inject_close();
        fed.feed(std::string_view(stream).substr(at, next - at));
        fed.feed(std::string_view(stream).substr(next));
        const Wire wire = read_wire(fed.written());
        const std::size_t close_at = wire.frames.empty() ? 0 : wire.frames.back().at;
        const bool right = fed.relay.ended() && wire.left_over.empty() && !wire.frames.empty() &&
                           wire.frames.back().payload == close_payload(1001, "shutdown") &&
                           fed.written().substr(0, close_at) == stream.substr(0, close_at) &&
                           close_at >= places.for_control(at) && places.for_control(close_at) == close_at;
        if (right) continue;
        CAPTURE(at);
        CAPTURE(next);
        CHECK(right);
      }
    }
  }
}

TEST_CASE_FIXTURE(FromBackend, "between messages everything goes out at once") {
  feed(sent(kText, "x"));
  CHECK(inject(Opcode::kPing, "p") == Relay::Injected::kSent);
  CHECK(inject(Opcode::kPong, "q") == Relay::Injected::kSent);
  CHECK(inject(Opcode::kText, "t") == Relay::Injected::kSent);
  CHECK(inject(Opcode::kBinary, "b") == Relay::Injected::kSent);
  CHECK(written() == sent(kText, "x") + sent(kPing, "p") + sent(kPong, "q") + sent(kText, "t") + sent(kBinary, "b"));
  CHECK(relay.bytes() == sent(kText, "x").size());
  CHECK(relay.messages() == 1);
  CHECK(observer.pings_injected == 0);  // who injects it knows
}

TEST_CASE_FIXTURE(FromBackend,
                  "between fragments control frames go out at once, data frames wait for the message's end") {
  feed(sent(kTextBegins, "x"));
  CHECK(inject(Opcode::kText, "t") == Relay::Injected::kWaiting);
  CHECK(inject(Opcode::kPing, "p") == Relay::Injected::kSent);
  feed(sent(kGoesOn, "y"));
  feed(sent(kLast, "z"));
  CHECK(written() ==
        sent(kTextBegins, "x") + sent(kPing, "p") + sent(kGoesOn, "y") + sent(kLast, "z") + sent(kText, "t"));
}

TEST_CASE_FIXTURE(FromBackend, "a kind keeps its order, and control frames overtake data frames that wait") {
  const std::string first = sent(kTextBegins, "hello");
  feed(first.substr(0, 3));
  for (const auto& [opcode, payload] : {std::pair(Opcode::kText, "1"), std::pair(Opcode::kPing, "a"),
                                        std::pair(Opcode::kBinary, "2"), std::pair(Opcode::kPong, "b")}) {
    CHECK(inject(opcode, payload) == Relay::Injected::kWaiting);
  }
  feed(first.substr(3));
  const std::string controls = sent(kPing, "a") + sent(kPong, "b");
  CHECK(written() == first + controls);
  CHECK(observer.pings_injected == 1);
  CHECK(inject(Opcode::kText, "3") == Relay::Injected::kWaiting);
  feed(sent(kLast, "world"));
  CHECK(written() ==
        first + controls + sent(kLast, "world") + sent(kText, "1") + sent(kBinary, "2") + sent(kText, "3"));
  feed(sent(kText, "and nothing twice"));
  CHECK(read_wire(written()).frames.size() == 8);
}

TEST_CASE_FIXTURE(FromBackend, "what waits goes in before a violation of the same read") {
  const std::string first = sent(kText, "hello");
  feed(first.substr(0, 3));
  inject(Opcode::kPing, "p");
  CHECK(feed(first.substr(3) + sent(0x83, "z")) == Relay::Event::kViolation);
  CHECK(written() == first + sent(kPing, "p"));
}

TEST_CASE_FIXTURE(FromBackend, "behind Drover's own Close nothing of the same read follows") {
  const std::string first = sent(kText, "hello"), second = sent(kText, "cut");
  feed(first.substr(0, 3));
  inject_close();
  CHECK(feed(first.substr(3) + second.substr(0, 4)) == Relay::Event::kCloseSent);
  CHECK(written() == first + sent(kClose, close_payload(1001, "shutdown")));
  CHECK(relay.bytes() == first.size());
}

TEST_CASE_FIXTURE(FromBackend, "the sender's Close within a message takes the data frames that wait with it") {
  feed(sent(kTextBegins, "x"));
  inject(Opcode::kText, "t");
  CHECK(feed(sent(kClose, close_payload(1000)) + sent(kLast, "y")) == Relay::Event::kClosePassed);
  feed(sent(kLast, "y"));
  CHECK(written() == sent(kTextBegins, "x") + sent(kClose, close_payload(1000)));
}

TEST_CASE_FIXTURE(FromBackend, "Drover's own Close between fragments drops the data frames that wait") {
  feed(sent(kTextBegins, "x"));
  inject(Opcode::kText, "t");
  CHECK(inject_close() == Relay::Injected::kSent);
  feed(sent(kLast, "y"));
  CHECK(written() == sent(kTextBegins, "x") + sent(kClose, close_payload(1001, "shutdown")));
}

TEST_CASE_FIXTURE(FromBackend, "Drover's own Close that waits for a fragment's end drops the data frames that wait") {
  const std::string first = sent(kTextBegins, "hello");
  feed(first.substr(0, 3));
  inject(Opcode::kText, "t");
  inject(Opcode::kPing, "p");
  CHECK(inject_close() == Relay::Injected::kWaiting);
  CHECK(feed(first.substr(3)) == Relay::Event::kCloseSent);
  feed(sent(kLast, "y"));
  CHECK(written() == first + sent(kPing, "p") + sent(kClose, close_payload(1001, "shutdown")));
}

TEST_CASE_FIXTURE(FromBackend, "where the message ends first, what waits goes before Drover's own Close") {
  const std::string whole = sent(kText, "hello");
  feed(whole.substr(0, 3));
  inject(Opcode::kText, "t");
  inject_close();
  CHECK(feed(whole.substr(3)) == Relay::Event::kCloseSent);
  CHECK(written() == whole + sent(kText, "t") + sent(kClose, close_payload(1001, "shutdown")));
}

TEST_CASE_FIXTURE(FromBackend, "after discard() nothing waits and nothing goes out") {
  feed(sent(kText, "hello").substr(0, 3));
  inject(Opcode::kPing, "p");
  relay.discard();
  CHECK(feed("ello") == Relay::Event::kNone);
  CHECK(inject(Opcode::kPing, "q") == Relay::Injected::kDropped);
  CHECK(written() == sent(kText, "hello").substr(0, 3));
}

TEST_CASE_FIXTURE(FromClient, "towards the backend each frame has a mask of its own, now or later") {
  const std::string whole = sent(kText, "hello");
  inject(Opcode::kPing, "same");
  inject(Opcode::kText, "same");
  feed(whole.substr(0, 8));
  inject(Opcode::kPing, "same");
  inject(Opcode::kBinary, "same");
  feed(whole.substr(8));
  const Wire wire = read_wire(written());
  REQUIRE(wire.frames.size() == 5);
  std::set<std::string> keys;
  for (const std::size_t ours : {0U, 1U, 3U, 4U}) {
    CHECK(wire.frames[ours].payload == "same");
    CHECK(wire.frames[ours].key.size() == 4);
    keys.insert(wire.frames[ours].key);
  }
  CHECK(keys.size() == 4);
  CHECK(wire.frames[2].raw(written()) == whole);
}

TEST_CASE("a data frame of 70,000 bytes goes in whole, both ways, at once and later") {
  std::string large(70'000, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 3);
  for (const Sender sender : {Sender::kBackend, Sender::kClient}) {
    RelayFixture fed(sender);
    CHECK(fed.inject(Opcode::kBinary, large) == Relay::Injected::kSent);
    const std::string begins = fed.sent(kTextBegins, "hello");
    fed.feed(begins);
    CHECK(fed.inject(Opcode::kBinary, large) == Relay::Injected::kWaiting);
    const std::string ends = fed.sent(kLast, "world");
    fed.feed_each_byte(ends + begins + ends);
    const Wire wire = read_wire(fed.written());
    REQUIRE(wire.frames.size() == 6);
    CHECK(in_legal_order(wire.frames));
    for (const std::size_t ours : {0U, 3U}) {
      CHECK(wire.frames[ours].fin);
      CHECK(wire.frames[ours].opcode == 2);
      CHECK(wire.frames[ours].key.empty() == (sender == Sender::kBackend));
      CHECK((wire.frames[ours].payload == large));
    }
    CHECK(fed.relay.bytes() == 2 * (begins.size() + ends.size()));
  }
}

}  // namespace
}  // namespace drover::proxy::test
