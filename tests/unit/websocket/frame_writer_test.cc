// Frames that Drover originates, read back by the scanner of the side that gets them.
#include "websocket/frame_writer.h"

#include <doctest/doctest.h>

#include <set>

#include "frames.h"

namespace drover::websocket {
namespace {

using test::Seen;

Seen read_back(Towards towards, const std::vector<std::uint8_t>& frame) {
  const Sender sender = towards == Towards::kBackend ? Sender::kClient : Sender::kBackend;
  return test::scan_in_pieces(sender, as_text(frame), {});
}

// The payload of a data frame by hand, since the scanner does not unmask data.
std::string payload_of(Towards towards, const std::string& frame, std::size_t size) {
  std::string payload = frame.substr(frame.size() - size);
  if (towards == Towards::kClient) return payload;
  const std::string key = frame.substr(frame.size() - size - 4, 4);
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(payload[i] ^ key[i % 4]);
  return payload;
}

std::string close_reason(std::string_view reason) {
  const Seen seen = read_back(Towards::kClient, make_close(Towards::kClient, CloseCode::kServiceRestart, reason));
  REQUIRE(seen.controls.size() == 1);
  REQUIRE(seen.controls[0].opcode == Opcode::kClose);
  REQUIRE(seen.controls[0].payload.substr(0, 2) == test::close_payload(1012));
  return seen.controls[0].payload.substr(2);
}

}  // namespace

TEST_SUITE("frame writer") {
  TEST_CASE("a data frame of any size is one legal message") {
    for (const Towards towards : {Towards::kClient, Towards::kBackend}) {
      for (const std::size_t size : {0U, 1U, 125U, 126U, 4097U, 65535U, 65536U, 100000U}) {
        std::string payload;
        for (std::size_t i = 0; i < size; ++i) payload.push_back(static_cast<char>(i * 7));
        const auto frame = make_frame(towards, Opcode::kText, as_bytes(payload));
        const Seen seen = read_back(towards, frame);
        CHECK_FALSE(seen.violation);
        CHECK(seen.output == as_text(frame));
        CHECK(frame.front() == 0x81);
        CHECK(payload_of(towards, std::string(as_text(frame)), size) == payload);
      }
    }
  }

  TEST_CASE("control frames, up to 125 bytes") {
    for (const Towards towards : {Towards::kClient, Towards::kBackend}) {
      for (const Opcode opcode : {Opcode::kPing, Opcode::kPong}) {
        for (const std::size_t size : {0U, 8U, 125U}) {
          const std::string payload(size, 'p');
          const Seen seen = read_back(towards, make_frame(towards, opcode, as_bytes(payload)));
          REQUIRE(seen.controls.size() == 1);
          CHECK(seen.controls[0].opcode == opcode);
          CHECK(seen.controls[0].payload == payload);
        }
      }
    }
  }

  TEST_CASE("every frame to a backend has a mask of its own") {
    std::set<std::string> keys;
    for (int i = 0; i < 50; ++i) {
      const auto frame = make_frame(Towards::kBackend, Opcode::kPing, {});
      REQUIRE(frame.size() == 6);
      keys.emplace(frame.begin() + 2, frame.end());
    }
    CHECK(keys.size() >= 49);  // 32 random bits: two equal ones of fifty are one in three million
  }

  TEST_CASE("masked and unmasked frames in turn do not disturb each other") {
    for (const Towards towards : {Towards::kBackend, Towards::kClient, Towards::kBackend, Towards::kClient}) {
      const Seen seen = read_back(towards, make_frame(towards, Opcode::kPing, as_bytes("payload")));
      REQUIRE(seen.controls.size() == 1);
      CHECK(seen.controls[0].payload == "payload");
    }
  }

  TEST_CASE("a Close's reason is cut to 123 bytes at a character") {
    CHECK(close_reason("") == "");
    CHECK(close_reason("going down") == "going down");
    CHECK(close_reason(std::string(123, 'r')) == std::string(123, 'r'));
    CHECK(close_reason(std::string(124, 'r')) == std::string(123, 'r'));
    const std::string euro = "\xe2\x82\xac";
    CHECK(close_reason(std::string(120, 'r') + euro) == std::string(120, 'r') + euro);
    CHECK(close_reason(std::string(121, 'r') + euro) == std::string(121, 'r'));
    CHECK(close_reason(std::string(122, 'r') + euro) == std::string(122, 'r'));
    CHECK(close_reason(std::string(123, 'r') + euro) == std::string(123, 'r'));
    CHECK(close_reason(std::string(200, '\x80')).empty());  // no UTF-8 at all
  }
}

}  // namespace drover::websocket
