#include "bench/load/echo_reader.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "bench/load/echo_stream.h"
#include "websocket/frame_writer.h"

namespace drover::bench {

using websocket::make_frame;
using websocket::Opcode;
using websocket::Towards;
using Buffer = std::vector<std::uint8_t>;
using Item = EchoReader::Item;

namespace {

// What a server makes of one message.
Buffer echo_of(const MessageShape& shape, const Stamp& stamp) {
  Buffer sent;
  Buffer echoed;
  shape.append(stamp, sent);
  EchoStream echo;
  REQUIRE(echo.feed(sent, echoed) == EchoStream::State::kOpen);
  REQUIRE(echo.at_boundary());
  return echoed;
}

struct Seen {
  std::vector<std::uint64_t> messages;
  std::vector<Buffer> pings;
  std::size_t texts = 0;
  bool closed = false;
  bool broken = false;
};

Seen read(const MessageShape& shape, Bytes bytes, std::size_t step) {
  EchoReader reader(shape);
  Seen seen;
  while (!bytes.empty()) {
    Bytes part = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(part.size());
    for (Item item = reader.next(part); item != Item::kNone; item = reader.next(part)) {
      if (item == Item::kMessage) seen.messages.push_back(reader.stamp().number);
      if (item == Item::kPing) seen.pings.emplace_back(reader.payload().begin(), reader.payload().end());
      if (item == Item::kText) ++seen.texts;
      if (item == Item::kClose) seen.closed = true;
      if (item == Item::kBroken) {
        seen.broken = true;
        return seen;
      }
    }
  }
  return seen;
}

}  // namespace

TEST_CASE("echoes, pings and a Close are told apart, however they are cut") {
  const std::vector<std::uint64_t> numbers = {1, 0x0123456789abcdef, 3};
  for (const std::size_t size : {16U, 64U, 200U, 70'000U}) {
    const MessageShape shape(size);
    Buffer stream;
    const auto append = [&](const Buffer& more) { stream.insert(stream.end(), more.begin(), more.end()); };
    append(echo_of(shape, {.nanoseconds = 7, .number = numbers[0]}));
    append(make_frame(Towards::kClient, Opcode::kPing, as_bytes("12345678")));
    append(make_frame(Towards::kClient, Opcode::kPing, {}));
    append(echo_of(shape, {.nanoseconds = 8, .number = numbers[1]}));
    append(echo_of(shape, {.nanoseconds = 9, .number = numbers[2]}));
    append(make_frame(Towards::kClient, Opcode::kClose, {}));
    for (const std::size_t step : {1U, 2U, 5U, 33U, 100'000U}) {
      CAPTURE(size);
      CAPTURE(step);
      const Seen seen = read(shape, stream, step);
      CHECK(seen.messages == numbers);
      REQUIRE(seen.pings.size() == 2);
      CHECK(as_text(seen.pings[0]) == "12345678");
      CHECK(seen.pings[1].empty());
      CHECK(seen.closed);
      CHECK_FALSE(seen.broken);
    }
  }
}

TEST_CASE("a byte that is not as it was sent is found, wherever it stands") {
  const MessageShape shape(64);
  const Buffer echo = echo_of(shape, {.nanoseconds = 1, .number = 2});
  for (std::size_t i = 0; i < echo.size(); ++i) {
    const bool in_stamp = i >= shape.stamp_offset() && i < shape.stamp_offset() + MessageShape::kStampSize;
    Buffer altered = echo;
    altered[i] ^= 0x40;
    CHECK(read(shape, altered, 1'000).broken != in_stamp);
  }
}

TEST_CASE("text messages are told from echoes, whatever their size and however they are cut") {
  const MessageShape shape(64);
  Buffer stream;
  const auto append = [&](const Buffer& more) { stream.insert(stream.end(), more.begin(), more.end()); };
  for (const std::size_t size : {0U, 5U, 125U, 126U, 400U, 65'535U}) {
    append(make_frame(Towards::kClient, Opcode::kText, as_bytes(std::string(size, 'x'))));
    append(echo_of(shape, {.nanoseconds = 1, .number = size}));
  }
  append(make_frame(Towards::kClient, Opcode::kPing, as_bytes("12345678")));
  for (const std::size_t step : {1U, 2U, 3U, 127U, 100'000U}) {
    CAPTURE(step);
    const Seen seen = read(shape, stream, step);
    CHECK(seen.texts == 6);
    CHECK(seen.messages == std::vector<std::uint64_t>{0, 5, 125, 126, 400, 65'535});
    CHECK(seen.pings.size() == 1);
    CHECK_FALSE(seen.broken);
  }
  // With a mask, or with a length of eight bytes.
  CHECK(read(shape, Buffer{0x81, 0x80, 0, 0, 0, 0}, 1'000).broken);
  CHECK(read(shape, Buffer{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 1'000).broken);
}

TEST_CASE("a Pong that nobody asked for, and a control frame that is too long, are refused") {
  const MessageShape shape(64);
  CHECK(read(shape, make_frame(Towards::kClient, Opcode::kPong, {}), 1'000).broken);
  CHECK(read(shape, Buffer{0x89, 126, 0, 200}, 1'000).broken);
}

}  // namespace drover::bench
