// Streams of frames and what a screen makes of them, wherever the reads are cut.
#include "proxy/backend_screen.h"

#include <doctest/doctest.h>

#include <vector>

#include "support/deflate.h"
#include "unit/websocket/frames.h"

namespace drover::proxy {
namespace {

using drover::test::deflated;
using migration::Verb;
using Compressed = BackendScreen::Compressed;
using Stop = BackendScreen::Stop;

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
constexpr std::size_t kMaxState = 200;
const std::string kLeftOpening = R"({"drover":"left","key":"0123456789abcdef0123456789abcdef")";

std::string frame(unsigned first, const std::string& payload) {
  return websocket::test::frame(websocket::Sender::kBackend, first, payload);
}
std::string text(const std::string& payload) {
  return frame(0x81, payload);
}
std::string left(const std::string& state) {
  return kLeftOpening + ",\"state\":" + state + "}";
}

struct Taken {
  Verb verb{};
  std::optional<std::string> state;
  bool too_large = false;
  std::size_t at = 0;  // how much had been passed on before it
  bool operator==(const Taken&) const = default;
};

struct Screened {
  std::string output;
  std::vector<Taken> taken;
  bool broken = false;
  bool operator==(const Screened&) const = default;
};

// One read, in memory of its own that is gone afterwards.
void feed(BackendScreen& screen, std::string_view read, Compressed compressed, Screened& seen) {
  const std::vector<std::uint8_t> copy(read.begin(), read.end());
  Bytes input(copy);
  while (!input.empty()) {
    const auto step = screen.take(input, compressed);
    REQUIRE(step.consumed > 0);
    seen.output.append(as_text(step.held)).append(as_text(step.pass));
    if (step.stop == Stop::kMessage) {
      const auto state = screen.state();
      seen.taken.push_back({screen.verb(), state ? std::optional<std::string>(*state) : std::nullopt,
                            screen.too_large(), seen.output.size()});
    }
    if (step.stop == Stop::kBroken) seen.broken = true;
    input = input.subspan(step.consumed);
  }
}

Screened screened(const std::vector<std::string_view>& reads, Compressed compressed) {
  BackendScreen screen(kKey, kMaxState);
  Screened seen;
  for (const auto read : reads) feed(screen, read, compressed, seen);
  return seen;
}

// In one read, in two cut anywhere, and byte by byte: always the same.
Screened screened(const std::string& stream, Compressed compressed = Compressed::kPasses) {
  const std::string_view all = stream;
  const Screened seen = screened(std::vector{all}, compressed);
  std::vector<std::string_view> single;
  for (std::size_t at = 0; at < all.size(); ++at) {
    CAPTURE(at);
    CHECK(screened({all.substr(0, at), all.substr(at)}, compressed) == seen);
    single.push_back(all.substr(at, 1));
  }
  CHECK(screened(single, compressed) == seen);
  return seen;
}

Screened passed(const std::string& output) {
  return {.output = output, .taken = {}, .broken = false};
}
Screened taken(const std::string& output, const Taken& message) {
  return {.output = output, .taken = {message}, .broken = false};
}

}  // namespace

TEST_SUITE("backend screen") {
  TEST_CASE("what is the backend's own passes untouched") {
    const std::string long_text = "{\"drover\":" + std::string(300, ' ') + std::string(400, 'x');
    for (const std::string& stream :
         {text("hello"), text(""), text("{}"), text("   "), text(std::string(600, ' ')), text("{\"drover\":"),
          text(long_text), text(R"({"drover":"left","key":"0123456789abcdef0123456789abcde0"})"),
          frame(0x82, left("1")), frame(0x89, "ping"), frame(0x88, "\x03\xe8") + text("behind"),
          frame(0x01, "{\"dro") + frame(0x80, "ver\":") + text("x"), frame(0x01, "") + frame(0x80, left("1")),
          frame(0x02, "a") + frame(0x8a, "") + frame(0x00, left("1")) + frame(0x80, "c") + frame(0x81, "d"),
          frame(0x82, std::string(126, 'b')) + text("t")}) {
      CHECK(screened(stream) == passed(stream));
    }
  }

  TEST_CASE("a message that is foreign at once goes on in one piece, from where it lies") {
    BackendScreen screen(kKey, kMaxState);
    const std::string stream = text(R"({"type":"news"})") + frame(0x82, "x") + text("[1]") + text("{\"drovers\":1}");
    const Bytes input = as_bytes(stream);
    const auto step = screen.take(input, Compressed::kPasses);
    CHECK(step.held.empty());
    CHECK(step.pass.data() == input.data());
    CHECK(step.pass.size() == input.size());
    CHECK(step.consumed == input.size());
    CHECK(step.stop == Stop::kInput);
    CHECK(screen.take({}, Compressed::kPasses).consumed == 0);
  }

  TEST_CASE("left is taken out, and what stands around it passes") {
    const std::string before = text("last reply") + frame(0x89, "p");
    const std::string behind = text("discarded") + frame(0x88, "");
    CHECK(screened(before + text(left(R"({"a":[1, 2]})")) + behind) ==
          taken(before + behind,
                {.verb = Verb::kLeft, .state = R"({"a":[1, 2]})", .too_large = false, .at = before.size()}));
    CHECK(screened(text(kLeftOpening + "}")) == taken("", {.verb = Verb::kLeft, .state = "null"}));
    CHECK(screened(text(" \n" + left("1") + " ")) == taken("", {.verb = Verb::kLeft, .state = "1"}));
  }

  TEST_CASE("a malformed left is taken out too") {
    for (const std::string& message :
         {kLeftOpening, left("{"), left("1,\"b\":2"), kLeftOpening + "x", left("\"\xff\"")})
      CHECK(screened(text(message)) == taken("", {.verb = Verb::kLeft, .state = std::nullopt}));
  }

  TEST_CASE("other verbs") {
    for (const auto& [name, verb] : {std::pair{"leaving", Verb::kLeaving}, std::pair{"later", Verb::kOther}}) {
      const std::string opening = "{\"drover\":\"" + std::string(name) + "\",\"key\":\"" + std::string(kKey) + "\"";
      for (const std::string& behind : {std::string("}"), std::string(",\"state\":1}"), std::string(5000, ' ')}) {
        Screened seen;
        BackendScreen screen(kKey, kMaxState);
        feed(screen, text(opening + behind) + text("x"), Compressed::kPasses, seen);
        CHECK(seen == taken(text("x"), {.verb = verb, .state = std::nullopt}));
      }
    }
  }

  TEST_CASE("several messages in a read") {
    const std::string stream = text(left("1")) + text(left("2")) + text("a") + text(left("3"));
    const Screened seen = screened(stream);
    CHECK(seen.output == text("a"));
    REQUIRE(seen.taken.size() == 3);
    CHECK(seen.taken[0] == Taken{.verb = Verb::kLeft, .state = "1"});
    CHECK(seen.taken[1] == Taken{.verb = Verb::kLeft, .state = "2"});
    CHECK(seen.taken[2] == Taken{.verb = Verb::kLeft, .state = "3", .too_large = false, .at = text("a").size()});
  }

  TEST_CASE("fragments, with control frames between them") {
    const std::string message = left("[1,2,3]");
    const std::string ping = frame(0x89, "between");
    CHECK(screened(frame(0x01, message.substr(0, 60)) + frame(0x00, message.substr(60, 3)) + ping + frame(0x00, "") +
                   frame(0x80, message.substr(63)) + text("x")) ==
          taken(ping + text("x"), {.verb = Verb::kLeft, .state = "[1,2,3]", .too_large = false, .at = ping.size()}));
    CHECK(screened(ping + frame(0x01, message) + frame(0x8a, "") + frame(0x00, " ") + ping + frame(0x80, "")) ==
          taken(ping + frame(0x8a, "") + ping,
                {.verb = Verb::kLeft, .state = "[1,2,3]", .too_large = false, .at = 2 * ping.size() + 2}));
    CHECK(screened(frame(0x01, message) + ping + frame(0x8a, "") + frame(0x80, "")) ==
          taken(ping + frame(0x8a, ""),
                {.verb = Verb::kLeft, .state = "[1,2,3]", .too_large = false, .at = ping.size() + 2}));
  }

  TEST_CASE("the opening is in the first frame's first 512 bytes, or the message is the backend's") {
    const std::string message = left("1");
    const std::string split = frame(0x01, message.substr(0, 20)) + frame(0x80, message.substr(20));
    CHECK(screened(split) == passed(split));
    CHECK(screened(text(std::string(512 - kLeftOpening.size(), ' ') + message)).taken.size() == 1);
    const std::string late = text(std::string(513 - kLeftOpening.size(), ' ') + message);
    CHECK(screened(late) == passed(late));
  }

  TEST_CASE("a front of 512 bytes is held no longer") {
    BackendScreen screen(kKey, kMaxState);
    Screened seen;
    const std::string stream = text(std::string(600, ' '));  // with a header of 4 bytes
    feed(screen, stream.substr(0, 4 + 511), Compressed::kPasses, seen);
    CHECK(seen.output.empty());
    feed(screen, stream.substr(4 + 511, 1), Compressed::kPasses, seen);
    CHECK(seen.output == stream.substr(0, 4 + 512));
  }

  TEST_CASE("a state of max_state bytes, and one that has more") {
    const auto state_of = [](std::size_t size) { return "\"" + std::string(size - 2, 's') + "\""; };
    CHECK(screened(text(left(state_of(kMaxState)))) == taken("", {.verb = Verb::kLeft, .state = state_of(kMaxState)}));
    for (const std::size_t size : {kMaxState + 1, kMaxState + 500, kMaxState + 5000}) {
      Screened seen;
      BackendScreen screen(kKey, kMaxState);
      feed(screen, text(left(state_of(size))) + text("x"), Compressed::kPasses, seen);
      CHECK(seen == taken(text("x"), {.verb = Verb::kLeft, .state = std::nullopt, .too_large = true}));
    }
    const std::string fragments = frame(0x01, left("1")) + frame(0x00, std::string(800, ' ')) + frame(0x80, "");
    CHECK(screened(fragments) == taken("", {.verb = Verb::kLeft, .state = std::nullopt, .too_large = true}));
  }

  TEST_CASE("what is held is dropped with the backend") {
    for (const std::string& front : {text(left("1")).substr(0, 20), text(left("1")).substr(0, 80), std::string("\x81"),
                                     frame(0x82, "abc").substr(0, 3), frame(0x01, "a"), std::string("\x82")}) {
      BackendScreen screen(kKey, kMaxState);
      Screened seen;
      feed(screen, front, Compressed::kPasses, seen);
      seen = {};
      screen.forget();
      feed(screen, text("x") + text(left("2")), Compressed::kPasses, seen);
      CHECK(seen == taken(text("x"), {.verb = Verb::kLeft, .state = "2", .too_large = false, .at = 3}));
    }
  }

  TEST_CASE("illegal frames outside of Drover's messages pass, and all that follows") {
    const std::string behind = text(left("1"));
    for (const std::string& illegal :
         {std::string("\xc3\x01x"), std::string("\xa1\x01x"), std::string("\x81\x81xxxxx"), std::string("\x83\x01x"),
          frame(0x80, "x"), frame(0x01, "a") + frame(0x81, "b"), std::string("\x89\x7e\x01"), std::string("\x09\x01x"),
          std::string("\x81\x7e\x00\x01x", 5), std::string("\x81\x7f\x80\x00", 4), std::string("\x88\x01x")}) {
      CHECK(screened(illegal + behind) == passed(illegal + behind));
    }
  }

  TEST_CASE("illegal frames within a message of Drover's break the screen") {
    for (const std::string& illegal :
         {text("x"), frame(0x82, "x"), std::string("\xc0\x01x"), std::string("\x83\x01x"), std::string("\x80\x81xxxxx"),
          std::string("\x80\x7e\x00\x01x", 5), std::string("\x09\x01x")}) {
      const Screened seen = screened(text("a") + frame(0x01, left("1")) + illegal);
      CHECK(seen.broken);
      CHECK(seen.taken.empty());
      CHECK(seen.output == text("a"));
    }
    // The front of a control frame goes on before the rest tells that it is illegal.
    const std::string front = text("a") + frame(0x01, left("1"));
    CHECK(screened({front, "\x88\x01x"}, Compressed::kPasses) == Screened{text("a"), {}, true});
    CHECK(screened({front, "\x88", "\x01x"}, Compressed::kPasses) == Screened{text("a") + "\x88", {}, true});
  }
}

TEST_SUITE("backend screen, compressed") {
  TEST_CASE("compressed messages pass while none of Drover's is awaited") {
    const std::string stream = frame(0xc1, deflated(left("1"))) + frame(0x41, "x") + frame(0x80, "y");
    CHECK(screened(stream, Compressed::kPasses) == passed(stream));
  }

  TEST_CASE("a compressed left is taken out") {
    for (const int level : {0, 1, 9}) {
      for (const int flush : {Z_SYNC_FLUSH, Z_FINISH}) {
        const std::string payload = deflated(left(R"({"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"})"), level, flush);
        CHECK(screened(frame(0xc1, payload) + text("x"), Compressed::kMayBeOurs) ==
              taken(text("x"), {.verb = Verb::kLeft, .state = R"({"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"})"}));
      }
    }
  }

  TEST_CASE("its fragments are inflated together") {
    const std::string payload = deflated(left("[1]"), 0);
    const std::string ping = frame(0x89, "");
    CHECK(
        screened(frame(0x41, payload.substr(0, 70)) + ping + frame(0x80, payload.substr(70)), Compressed::kMayBeOurs) ==
        taken(ping, {.verb = Verb::kLeft, .state = "[1]", .too_large = false, .at = 2}));
  }

  TEST_CASE("other compressed messages pass, and what is no deflate") {
    for (const std::string& payload :
         {deflated("hello"), deflated("{\"drover\":"), std::string("\xff\xff"), std::string(),
          deflated("{\"drover\":").append(std::string(4, '\0')), deflated(std::string(600, ' ')),
          deflated(R"({"drover":"left","key":"0123456789abcdef0123456789abcde0"})")}) {
      const std::string stream = frame(0xc1, payload) + frame(0x41, payload) + frame(0x80, payload);
      CHECK(screened(stream, Compressed::kMayBeOurs) == passed(stream));
    }
  }

  TEST_CASE("blocks without text are not held for ever") {
    std::string payload;
    for (int i = 0; i < 300; ++i) payload.append("\0\0\0\xff\xff", 5);
    BackendScreen screen(kKey, kMaxState);
    Screened seen;
    const std::string stream = frame(0xc1, payload);
    for (const char c : stream.substr(0, 4 + 1023)) feed(screen, {&c, 1}, Compressed::kMayBeOurs, seen);
    CHECK(seen.output.empty());
    feed(screen, stream.substr(4 + 1023, 1), Compressed::kMayBeOurs, seen);
    CHECK(seen.output == stream.substr(0, 4 + 1024));
    feed(screen, stream.substr(4 + 1024), Compressed::kMayBeOurs, seen);
    CHECK(seen == passed(stream));
  }

  TEST_CASE("a bomb is too large, and so is much that does not shrink") {
    const Screened expected = taken("", {.verb = Verb::kLeft, .state = std::nullopt, .too_large = true});
    Screened seen;
    BackendScreen screen(kKey, kMaxState);
    feed(screen, frame(0xc1, deflated(left("\"" + std::string(100'000, 'a') + "\""))), Compressed::kMayBeOurs, seen);
    CHECK(seen == expected);
    CHECK(screened(frame(0xc1, deflated(left("\"" + std::string(kMaxState - 1, 'a') + "\""))),
                   Compressed::kMayBeOurs) == expected);
    CHECK(screened(frame(0xc1, deflated(left("\"" + std::string(900, 'a') + "\""), 0)), Compressed::kMayBeOurs) ==
          expected);
  }

  TEST_CASE("a left whose later part is no deflate has no state") {
    const std::string payload = deflated(left("1"), 0) + std::string("\0\0\xff\xff\xff", 5);
    CHECK(screened(frame(0xc1, payload), Compressed::kMayBeOurs) ==
          taken("", {.verb = Verb::kLeft, .state = std::nullopt}));
  }

  TEST_CASE("a front that is held goes on when none of Drover's is awaited any more") {
    const std::string stream = frame(0xc1, deflated(left("1"), 0));
    for (const std::size_t cut : {1UL, 2UL, 20UL, 60UL}) {
      BackendScreen screen(kKey, kMaxState);
      Screened seen;
      feed(screen, stream.substr(0, cut), Compressed::kMayBeOurs, seen);
      CHECK(seen.output.empty());
      feed(screen, stream.substr(cut), Compressed::kPasses, seen);
      CHECK(seen == passed(stream));
    }
  }
}

}  // namespace drover::proxy
