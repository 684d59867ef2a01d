// One direction of a tunnel against a sink that records: what goes through, what is told of it, where Drover's own
// Close goes, and that nothing follows a Close.
#include "proxy/relay.h"

#include <doctest/doctest.h>

#include "unit/proxy/relay_fixture.h"

namespace drover::proxy::test {
namespace {

struct FromBackend : RelayFixture {};
struct FromClient : RelayFixture {
  FromClient() : RelayFixture(Sender::kClient) {}
};

TEST_CASE_FIXTURE(FromBackend, "many frames of one read go out as one write, a ping among them") {
  const std::string bytes = sent(kText, "a") + sent(kPing, "p") + sent(kBinary, "bc");
  CHECK(feed(bytes) == Relay::Event::kNone);
  CHECK(written() == bytes);
  CHECK(sink.writes == 1);
  CHECK(relay.messages() == 2);
  CHECK(relay.bytes() == bytes.size());
}

TEST_CASE_FIXTURE(FromBackend, "byte by byte, everything arrives in order") {
  const std::string bytes =
      sent(kTextBegins, "hello") + sent(kPing, "ping") + sent(kLast, "world") + sent(kPong, "") + sent(kText, "");
  feed_each_byte(bytes);
  CHECK(written() == bytes);
  CHECK(relay.messages() == 2);
  CHECK(relay.bytes() == bytes.size());
}

TEST_CASE_FIXTURE(FromBackend, "every cut in two gives the same output") {
  const std::string bytes = sent(kPing, "ping") + sent(kText, "hello") + sent(kClose, close_payload(1000, "bye"));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    FromBackend two;
    two.feed(std::string_view(bytes).substr(0, cut));
    two.feed(std::string_view(bytes).substr(cut));
    CHECK(two.written() == bytes);
    CHECK(two.relay.bytes() == bytes.size());
    CHECK(two.relay.close_code() == 1000);
    CHECK(two.relay.ended());
  }
}

TEST_CASE_FIXTURE(FromBackend, "nothing goes through behind a Close") {
  const std::string close = sent(kClose, close_payload(4001));
  CHECK(feed(sent(kText, "x") + close + sent(kText, "late")) == Relay::Event::kClosePassed);
  CHECK(feed(sent(kText, "later")) == Relay::Event::kNone);
  CHECK(written() == sent(kText, "x") + close);
  CHECK(relay.close_code() == 4001);
  CHECK(inject(Opcode::kPing, "p") == Relay::Injected::kDropped);
  CHECK(inject(Opcode::kText, "t") == Relay::Injected::kDropped);
  CHECK(inject_close() == Relay::Injected::kDropped);
  relay.abandon(CloseCode::kServiceRestart, "backend lost", sink);
  CHECK(written() == sent(kText, "x") + close);
}

TEST_CASE_FIXTURE(FromBackend, "the sink ends with the sender's Close only where that is the last word") {
  const std::string text = sent(kText, "bye"), close = sent(kClose, "");
  feed(text + close);
  CHECK_FALSE(sink.fin());
  RelayFixture other(Sender::kBackend);
  other.observer.close_is_last = true;
  other.feed(text);
  CHECK_FALSE(other.sink.fin());
  CHECK(other.feed(text + close) == Relay::Event::kClosePassed);
  CHECK(other.sink.fin());
  CHECK(other.written() == text + text + close);
  CHECK(other.sink.writes == 2);  // the Close with what stood before it
}

TEST_CASE_FIXTURE(FromBackend, "a Close without a code is remembered as 1005") {
  CHECK(relay.close_code() == 0);
  feed(sent(kClose, ""));
  CHECK(relay.close_code() == 1005);
}

TEST_CASE_FIXTURE(FromClient, "a client's Close is read through its mask, and goes on with it") {
  const std::string close = sent(kClose, close_payload(4321, "bye"));
  feed_each_byte(close);
  CHECK(relay.close_code() == 4321);
  CHECK(written() == close);
}

TEST_CASE_FIXTURE(FromBackend, "what stands before a violation goes through, nothing of it") {
  const std::string legal = sent(kText, "x");
  CHECK(feed(legal + sent(0x83, "z")) == Relay::Event::kViolation);  // opcode 3 is reserved
  CHECK(written() == legal);
  CHECK(relay.bytes() == legal.size());
  CHECK(relay.violation().code == CloseCode::kProtocolError);
}

TEST_CASE("what stands before a violation that is cut anywhere goes through, nothing of it") {
  const std::string legal = frame(Sender::kBackend, kPing, "p") + frame(Sender::kBackend, kText, "x");
  const std::string illegal = frame(Sender::kBackend, kClose, "\x03\xed none");  // 1005 is not for the wire
  const std::string stream = legal + illegal;
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    FromBackend two;
    two.feed(std::string_view(stream).substr(0, cut));
    CHECK(two.feed(std::string_view(stream).substr(cut)) == Relay::Event::kViolation);
    CHECK(two.written() == legal);
    CHECK(two.relay.close_code() == 0);
  }
}

TEST_CASE_FIXTURE(FromBackend, "a message over the limit is refused at its header") {
  limits.max_message_size = 4;
  CHECK(feed(sent(kText, "1234")) == Relay::Event::kNone);
  CHECK(feed(std::string_view(sent(kText, "12345")).substr(0, 2)) == Relay::Event::kViolation);
  CHECK(relay.violation().code == CloseCode::kTooBig);
}

TEST_CASE_FIXTURE(FromBackend, "Drover's own Close ends the sink, at once or where it had to wait") {
  CHECK(inject_close() == Relay::Injected::kSent);
  CHECK(sink.fin());
  RelayFixture other(Sender::kBackend);
  const std::string text = other.sent(kText, "hello");
  other.feed(text.substr(0, 3));
  CHECK(other.inject_close() == Relay::Injected::kWaiting);
  CHECK_FALSE(other.sink.fin());
  CHECK(other.feed(text.substr(3)) == Relay::Event::kCloseSent);
  CHECK(other.sink.fin());
}

TEST_CASE_FIXTURE(FromBackend, "Drover's own Close goes out at once at a frame boundary") {
  feed(sent(kText, "x"));
  sink.take();
  CHECK(inject_close() == Relay::Injected::kSent);
  CHECK(relay.ended());
  CHECK(feed(sent(kText, "late")) == Relay::Event::kNone);
  CHECK(inject_close() == Relay::Injected::kDropped);
  CHECK(written() == sent(kClose, close_payload(1001, "shutdown")));
}

TEST_CASE_FIXTURE(FromBackend,
                  "within a frame Drover's own Close waits for its end, and what is behind it is dropped") {
  const std::string first = sent(kTextBegins, "hello");
  feed(std::string_view(first).substr(0, 4));
  CHECK(inject_close() == Relay::Injected::kWaiting);
  CHECK_FALSE(relay.ended());
  CHECK(inject_close() == Relay::Injected::kDropped);
  CHECK(inject(Opcode::kPong, "late") == Relay::Injected::kDropped);
  CHECK(feed(first.substr(4, 1)) == Relay::Event::kNone);
  // Between two fragments a control frame may stand, RFC 6455 section 5.4.
  CHECK(feed(first.substr(5)) == Relay::Event::kCloseSent);
  CHECK(feed(sent(kLast, "x")) == Relay::Event::kNone);
  CHECK(written() == first + sent(kClose, close_payload(1001, "shutdown")));
  CHECK(relay.ended());
  CHECK(relay.bytes() == first.size());
}

TEST_CASE_FIXTURE(FromBackend, "a Close of Drover's own that waits goes before the sender's") {
  const std::string first = sent(kText, "hello");
  feed(std::string_view(first).substr(0, 4));
  inject_close();
  CHECK(feed(first.substr(4) + sent(kClose, close_payload(1000))) == Relay::Event::kCloseSent);
  CHECK(written() == first + sent(kClose, close_payload(1001, "shutdown")));
}

TEST_CASE_FIXTURE(FromBackend, "a lost sender leaves a Close at a boundary") {
  feed(sent(kTextBegins, "x"));
  relay.abandon(CloseCode::kServiceRestart, "backend lost", sink);
  CHECK(written() == sent(kTextBegins, "x") + sent(kClose, close_payload(1012, "backend lost")));
  CHECK(relay.ended());
}

TEST_CASE_FIXTURE(FromBackend, "a sender lost within a frame leaves no Close, nor what waited") {
  const std::string cut = sent(kText, "hello").substr(0, 4);
  feed(cut);
  inject(Opcode::kPing, "p");
  relay.abandon(CloseCode::kServiceRestart, "backend lost", sink);
  CHECK(written() == cut);
  CHECK(relay.ended());
  CHECK(feed("llo") == Relay::Event::kNone);
  CHECK(written() == cut);
}

TEST_CASE_FIXTURE(FromBackend,
                  "a header or a control frame that is cut is not passed on: a Close can still stand there") {
  for (const std::string& held : {sent(kText, "x").substr(0, 1), sent(kPing, "ping").substr(0, 5)}) {
    FromBackend cut;
    cut.feed(sent(kText, "x") + held);
    CHECK(cut.written() == sent(kText, "x"));
    cut.relay.abandon(CloseCode::kServiceRestart, "backend lost", cut.sink);
    CHECK(cut.written() == sent(kText, "x") + sent(kClose, close_payload(1012, "backend lost")));
  }
}

TEST_CASE_FIXTURE(FromClient, "towards a backend Drover's Close is masked") {
  inject_close();
  const Wire wire = read_wire(written());
  REQUIRE(wire.frames.size() == 1);
  CHECK(wire.frames[0].key.size() == 4);
  CHECK(wire.frames[0].opcode == 8);
  CHECK(wire.frames[0].payload == close_payload(1001, "shutdown"));
}

TEST_CASE_FIXTURE(FromBackend, "only a Pong that the observer takes is kept back, and it is not counted") {
  observer.ours = {"ours"};
  const std::string before = sent(kText, "before");
  const std::string behind = sent(kPong, "theirs") + sent(kText, "behind");
  CHECK(feed(before + sent(kPong, "ours") + behind) == Relay::Event::kNone);
  CHECK(written() == before + behind);
  CHECK(relay.bytes() == before.size() + behind.size());
  CHECK(observer.pongs == std::vector<std::string>{"ours", "theirs"});
}

TEST_CASE_FIXTURE(FromClient, "a Pong of Drover's is kept back wherever it is cut, also within a message") {
  const std::string before = sent(kTextBegins, "hel");
  const std::string behind = sent(kLast, "lo");
  const std::string pong = sent(kPong, "ours");
  const std::string stream = before + pong + behind;
  const auto check = [&](FromClient& fed) {
    CHECK(fed.written() == before + behind);
    CHECK(fed.relay.bytes() == before.size() + behind.size());
    CHECK(fed.observer.pongs == std::vector<std::string>{"ours"});
  };
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    FromClient two;
    two.observer.ours = {"ours"};
    two.feed(std::string_view(stream).substr(0, cut));
    two.feed(std::string_view(stream).substr(cut));
    check(two);
  }
  observer.ours = {"ours"};
  feed_each_byte(stream);
  check(*this);
}

TEST_CASE_FIXTURE(FromBackend,
                  "a Ping that is passed on is told, once, also when it is cut; Pongs and Closes are not") {
  feed(sent(kPing, "a"));
  CHECK(observer.pings_passed == 1);
  feed_each_byte(sent(kPing, "b"));
  CHECK(observer.pings_passed == 2);
  feed(sent(kPong, "c") + sent(kText, "d") + sent(kClose, ""));
  CHECK(observer.pings_passed == 2);
  CHECK(observer.pings_injected == 0);
}

TEST_CASE_FIXTURE(FromBackend, "more pieces than one write has room for keep their order") {
  observer.ours = {"ours"};
  std::string stream, rest;
  for (int i = 0; i < 40; ++i) {
    const std::string text = sent(kText, std::to_string(i));
    stream += text + sent(kPong, "ours");
    rest += text;
  }
  feed(stream);
  CHECK(written() == rest);
  CHECK(relay.bytes() == rest.size());
}

}  // namespace
}  // namespace drover::proxy::test
