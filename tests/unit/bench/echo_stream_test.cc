#include "bench/load/echo_stream.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "websocket/frame_writer.h"

namespace drover::bench {

using websocket::make_frame;
using websocket::Opcode;
using websocket::Towards;
using Buffer = std::vector<std::uint8_t>;

namespace {

Buffer text(std::size_t size) {
  Buffer payload(size);
  std::uint8_t next = 'a';
  for (auto& byte : payload) byte = next++;
  return payload;
}

void append(Buffer& to, const Buffer& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

TEST_CASE("what comes back is what a server would send, however the frames are cut") {
  Buffer sent;
  Buffer expected;
  // 126 and 65,536 are the first with longer lengths, RFC 6455 section 5.2.
  for (const std::size_t size : {0U, 5U, 125U, 126U, 1'000U, 65'536U}) {
    append(sent, make_frame(Towards::kBackend, Opcode::kBinary, text(size)));
    append(expected, make_frame(Towards::kClient, Opcode::kBinary, text(size)));
  }
  for (const std::size_t step : {1U, 2U, 3U, 7U, 1'000U, 100'000U}) {
    EchoStream echo;
    Buffer out;
    for (Bytes rest = sent; !rest.empty();) {
      const Bytes part = rest.first(std::min(step, rest.size()));
      REQUIRE(echo.feed(part, out) == EchoStream::State::kOpen);
      rest = rest.subspan(part.size());
    }
    CHECK(out == expected);
    CHECK(echo.at_boundary());
  }
}

TEST_CASE("it stands at a boundary only between frames") {
  const Buffer frame = make_frame(Towards::kBackend, Opcode::kText, text(3));
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    EchoStream echo;
    Buffer out;
    echo.feed(Bytes(frame).first(cut), out);
    CHECK_FALSE(echo.at_boundary());
  }
}

TEST_CASE("a Ping is answered with its payload, a Pong with nothing, a Close with itself") {
  EchoStream echo;
  Buffer out;
  REQUIRE(echo.feed(make_frame(Towards::kBackend, Opcode::kPing, text(8)), out) == EchoStream::State::kOpen);
  CHECK(out == make_frame(Towards::kClient, Opcode::kPong, text(8)));
  out.clear();
  REQUIRE(echo.feed(make_frame(Towards::kBackend, Opcode::kPong, text(8)), out) == EchoStream::State::kOpen);
  CHECK(out.empty());
  const Buffer code = {0x03, 0xe8};
  Buffer sent = make_frame(Towards::kBackend, Opcode::kClose, code);
  append(sent, make_frame(Towards::kBackend, Opcode::kText, text(8)));  // too late
  CHECK(echo.feed(sent, out) == EchoStream::State::kClosed);
  CHECK(out == make_frame(Towards::kClient, Opcode::kClose, code));
}

TEST_CASE("an empty Close is one too") {
  EchoStream echo;
  Buffer out;
  CHECK(echo.feed(make_frame(Towards::kBackend, Opcode::kClose, {}), out) == EchoStream::State::kClosed);
  CHECK(out == make_frame(Towards::kClient, Opcode::kClose, {}));
}

TEST_CASE("texts that are diverted are not echoed, however the frames are cut, and what they are answered with is") {
  const Buffer binary = make_frame(Towards::kBackend, Opcode::kBinary, text(3));
  Buffer sent = binary;
  append(sent, make_frame(Towards::kBackend, Opcode::kText, as_bytes("first")));
  append(sent, make_frame(Towards::kBackend, Opcode::kText, {}));
  append(sent, binary);
  append(sent, make_frame(Towards::kBackend, Opcode::kText, text(200)));
  const Buffer echo_of_binary = make_frame(Towards::kClient, Opcode::kBinary, text(3));
  Buffer expected = echo_of_binary;
  append(expected, {'1', '2'});
  append(expected, echo_of_binary);
  expected.push_back('3');
  for (const std::size_t step : {1U, 2U, 3U, 7U, 1'000U}) {
    EchoStream echo;
    std::vector<std::string> texts;
    echo.divert_texts([&](std::string_view whole, Buffer& out) {
      texts.emplace_back(whole);
      out.push_back(static_cast<std::uint8_t>('0' + texts.size()));
    });
    Buffer out;
    for (Bytes rest = sent; !rest.empty();) {
      const Bytes part = rest.first(std::min(step, rest.size()));
      REQUIRE(echo.feed(part, out) == EchoStream::State::kOpen);
      rest = rest.subspan(part.size());
    }
    CHECK(out == expected);
    const Buffer long_text = text(200);
    CHECK(texts == std::vector<std::string>{"first", "", std::string(as_text(long_text))});
  }
}

TEST_CASE("a frame without a mask is refused") {
  EchoStream echo;
  Buffer out;
  CHECK(echo.feed(make_frame(Towards::kClient, Opcode::kText, text(70)), out) == EchoStream::State::kBroken);
  CHECK(out.empty());
}

}  // namespace drover::bench
