// One direction of a tunnel against a sink that records: what goes through, where Drover's own Close goes, and that
// nothing follows a Close.
#include "proxy/relay.h"

#include <doctest/doctest.h>

#include <string>

namespace drover::proxy {
namespace {

using websocket::CloseCode;
using websocket::Opcode;
using websocket::Sender;

class Sink final : public net::ByteStream {
 public:
  void set_handler(Handler&) override {}
  using ByteStream::write;
  void write(std::span<const Bytes> pieces) override {
    ++writes;
    for (const Bytes piece : pieces) written.append(as_text(piece));
  }
  std::size_t queued() const override { return 0; }
  bool write_failed() const override { return false; }
  void finish_writing() override {}
  void start_reading() override {}
  void pause(net::PauseReason) override {}
  void resume(net::PauseReason) override {}
  void close() override {}

  std::string written;
  int writes = 0;
};

enum class Fin { kFinal, kMore };

// A frame as a backend sends it: not masked, shorter than 126 bytes.
std::string frame(Opcode opcode, std::string_view payload, Fin fin = Fin::kFinal) {
  std::string bytes;
  bytes.push_back(static_cast<char>((fin == Fin::kFinal ? 0x80 : 0) | static_cast<int>(opcode)));
  bytes.push_back(static_cast<char>(payload.size()));
  bytes.append(payload);
  return bytes;
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
  const char head[] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return frame(Opcode::kClose, std::string(head, 2).append(reason));
}

struct Fixture {
  Relay::Event feed(std::string_view bytes) { return relay.feed(as_bytes(bytes), sink, limits); }
  Relay relay{Sender::kBackend};
  Sink sink;
  websocket::ScanLimits limits;
};

TEST_CASE_FIXTURE(Fixture, "many frames of one read go out as one write, a ping among them") {
  const std::string bytes = frame(Opcode::kText, "a") + frame(Opcode::kPing, "p") + frame(Opcode::kBinary, "bc");
  CHECK(feed(bytes) == Relay::Event::kNone);
  CHECK(sink.written == bytes);
  CHECK(sink.writes == 1);
  CHECK(relay.messages() == 2);
  CHECK(relay.bytes() == bytes.size());
}

TEST_CASE_FIXTURE(Fixture, "byte by byte, everything arrives in order") {
  const std::string bytes = frame(Opcode::kText, "hello", Fin::kMore) + frame(Opcode::kPing, "ping") +
                            frame(Opcode::kContinuation, "world") + frame(Opcode::kPong, "");
  for (const char byte : bytes) CHECK(feed(std::string_view(&byte, 1)) == Relay::Event::kNone);
  CHECK(sink.written == bytes);
}

TEST_CASE_FIXTURE(Fixture, "every cut in two gives the same output") {
  const std::string bytes = frame(Opcode::kPing, "ping") + frame(Opcode::kText, "hello") + close_frame(1000, "bye");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    Fixture two;
    two.feed(std::string_view(bytes).substr(0, cut));
    two.feed(std::string_view(bytes).substr(cut));
    CHECK(two.sink.written == bytes);
    CHECK(two.relay.close_code() == 1000);
    CHECK(two.relay.ended());
  }
}

TEST_CASE_FIXTURE(Fixture, "nothing goes through behind a Close") {
  CHECK(feed(frame(Opcode::kText, "x") + close_frame(4001, "") + frame(Opcode::kText, "late")) ==
        Relay::Event::kClosePassed);
  CHECK(feed(frame(Opcode::kText, "later")) == Relay::Event::kNone);
  CHECK(sink.written == frame(Opcode::kText, "x") + close_frame(4001, ""));
  CHECK(relay.close_code() == 4001);
}

TEST_CASE_FIXTURE(Fixture, "a Close without a code is remembered as 1005") {
  feed(frame(Opcode::kClose, ""));
  CHECK(relay.close_code() == 1005);
}

TEST_CASE_FIXTURE(Fixture, "what stands before a violation goes through, nothing of it") {
  const std::string legal = frame(Opcode::kText, "x");
  CHECK(feed(legal + "\x83\x01z") == Relay::Event::kViolation);  // opcode 3 is reserved
  CHECK(sink.written == legal);
  CHECK(relay.violation().code == CloseCode::kProtocolError);
}

TEST_CASE_FIXTURE(Fixture, "Drover's own Close goes out at once at a frame boundary") {
  feed(frame(Opcode::kText, "x"));
  sink.written.clear();
  CHECK(relay.send_close(CloseCode::kGoingAway, "shutdown", sink));
  CHECK(sink.written == close_frame(1001, "shutdown"));
  CHECK(feed(frame(Opcode::kText, "late")) == Relay::Event::kNone);
  CHECK(sink.written == close_frame(1001, "shutdown"));
  CHECK_FALSE(relay.send_close(CloseCode::kGoingAway, "again", sink));
}

TEST_CASE_FIXTURE(Fixture, "within a frame Drover's own Close waits for its end, and what is behind it is dropped") {
  const std::string first = frame(Opcode::kText, "hello", Fin::kMore);
  feed(std::string_view(first).substr(0, 4));
  CHECK_FALSE(relay.send_close(CloseCode::kGoingAway, "shutdown", sink));
  CHECK_FALSE(relay.ended());
  // Between two fragments a control frame may stand, RFC 6455 section 5.4.
  const std::string rest = first.substr(4);
  CHECK(feed(std::string_view(rest).substr(0, 1)) == Relay::Event::kNone);
  CHECK(feed(rest.substr(1) + frame(Opcode::kContinuation, "x")) == Relay::Event::kCloseSent);
  // The next frame was in the same read: the Close may stand before or behind it, but at a boundary.
  const bool before = sink.written == first + close_frame(1001, "shutdown");
  const bool behind = sink.written == first + frame(Opcode::kContinuation, "x") + close_frame(1001, "shutdown");
  CHECK((before || behind));
  CHECK(relay.ended());
}

TEST_CASE_FIXTURE(Fixture, "a lost sender leaves a Close at a boundary, and none within a frame") {
  feed(frame(Opcode::kText, "x"));
  relay.abandon(CloseCode::kServiceRestart, "backend lost", sink);
  CHECK(sink.written == frame(Opcode::kText, "x") + close_frame(1012, "backend lost"));

  Fixture within;
  within.feed(std::string_view(frame(Opcode::kText, "hello")).substr(0, 4));
  within.relay.abandon(CloseCode::kServiceRestart, "backend lost", within.sink);
  CHECK(within.sink.written == frame(Opcode::kText, "hello").substr(0, 4));
  CHECK(within.relay.ended());
}

TEST_CASE("a header that is cut short is not passed on: a Close can still stand there") {
  Fixture cut;
  const std::string bytes = frame(Opcode::kText, "x");
  cut.feed(bytes + bytes.substr(0, 1));
  CHECK(cut.sink.written == bytes);
  cut.relay.abandon(CloseCode::kServiceRestart, "backend lost", cut.sink);
  CHECK(cut.sink.written == bytes + close_frame(1012, "backend lost"));
}

TEST_CASE("towards a backend Drover's Close is masked") {
  Relay relay(Sender::kClient);
  Sink sink;
  relay.send_close(CloseCode::kGoingAway, "client gone", sink);
  REQUIRE(sink.written.size() == 2 + 4 + 2 + 11);
  CHECK(static_cast<unsigned char>(sink.written[1]) == (0x80 | 13));
}

TEST_CASE("a message over the limit is refused at its header") {
  Fixture big;
  big.limits.max_message_size = 4;
  CHECK(big.feed(frame(Opcode::kText, "1234")) == Relay::Event::kNone);
  CHECK(big.feed(std::string_view(frame(Opcode::kText, "12345")).substr(0, 2)) == Relay::Event::kViolation);
  CHECK(big.relay.violation().code == CloseCode::kTooBig);
}

}  // namespace
}  // namespace drover::proxy
