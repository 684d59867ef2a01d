// What a scanner passes on, holds and reports, for legal streams however they are cut; where frames of Drover's own
// may stand, against a model that knows the frames because it made them.
#include "websocket/frame_scanner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "frames.h"

namespace drover::websocket {
namespace {

using test::cut_everywhere;
using test::feed;
using test::frame;
using test::Seen;
using test::SeenControl;
using Stop = FrameScanner::Stop;
using Step = FrameScanner::Step;

constexpr unsigned kFin = 0x80;

MessageTally tally;  // where nobody asks how much it was

// A legal stream and all that there is to know of it; places are offsets into the output.
struct Script {
  std::string stream;
  std::string output;
  std::vector<SeenControl> controls;
  std::set<std::size_t> frame_boundaries{0};
  std::set<std::size_t> message_boundaries{0};
  std::uint64_t messages = 0;
  std::map<MessageTally::Kind, std::map<std::size_t, std::uint64_t>> tally;  // kind → bucket → messages
  std::uint64_t payload_bytes = 0;                                           // of whole messages
};

class ScriptWriter {
 public:
  ScriptWriter(Sender sender, std::uint32_t seed) : sender_(sender), random_(seed) {}

  Script write(unsigned frames) {
    for (unsigned i = 0; i < frames; ++i) {
      if (below(4) == 0) {
        add_control();
      } else {
        add_data();
      }
    }
    return std::move(script_);
  }

  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  std::string random_bytes(std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }

  void add_control() {
    const unsigned opcode = 8 + static_cast<unsigned>(below(3));
    const std::string payload =
        opcode == 8 ? test::close_payload(1000 + static_cast<unsigned>(below(4)), "bye") : random_bytes(below(126));
    const std::string bytes = frame(sender_, kFin | opcode, payload);
    script_.stream += bytes;
    script_.controls.push_back({static_cast<Opcode>(opcode), bytes, payload, script_.output.size()});
  }

  void add_data() {
    static constexpr std::array<std::size_t, 6> kSizes{1, 20, 125, 300, 400, 70000};
    const std::size_t size = below(kSizes[below(50) == 0 ? 5 : below(5)]);
    const unsigned fin = below(2) == 0 ? kFin : 0;
    const unsigned opcode = inside_message_ ? 0 : 1 + static_cast<unsigned>(below(2));
    const std::string bytes = frame(sender_, fin | opcode, random_bytes(size));
    if (!inside_message_) kind_ = opcode == 1 ? MessageTally::Kind::kText : MessageTally::Kind::kBinary;
    inside_message_ = fin == 0;
    message_size_ += size;
    script_.stream += bytes;
    script_.output += bytes;
    script_.frame_boundaries.insert(script_.output.size());
    if (inside_message_) return;
    script_.message_boundaries.insert(script_.output.size());
    ++script_.messages;
    std::size_t bucket = 0;
    while ((std::size_t{2} << bucket) < message_size_) ++bucket;
    ++script_.tally[kind_][bucket];
    script_.payload_bytes += std::exchange(message_size_, 0);
  }

  Sender sender_;
  std::minstd_rand random_;
  bool inside_message_ = false;
  MessageTally::Kind kind_{};
  std::size_t message_size_ = 0;
  Script script_;
};

// The last of `places` in begin…end, as an offset from begin.
std::size_t last_within(const std::set<std::size_t>& places, std::size_t begin, std::size_t end) {
  const auto behind = places.upper_bound(end);
  if (behind == places.begin() || *std::prev(behind) < begin) return FrameScanner::kNone;
  return *std::prev(behind) - begin;
}

bool agrees(const Script& script, const FrameScanner& scanner, const Step& step, std::size_t before) {
  const std::size_t after = before + step.head.size() + step.body.size();
  return step.frame_boundary == last_within(script.frame_boundaries, before, after) &&
         step.message_boundary == last_within(script.message_boundaries, before, after) &&
         scanner.at_frame_boundary() == script.frame_boundaries.contains(after) &&
         scanner.at_message_boundary() == script.message_boundaries.contains(after) &&
         (step.stop != Stop::kControl || step.frame_boundary == after - before);
}

bool agrees(const Script& script, const MessageTally& counted) {
  for (const auto kind : {MessageTally::Kind::kText, MessageTally::Kind::kBinary}) {
    for (std::size_t bucket = 0; bucket < MessageTally::kBuckets; ++bucket) {
      const auto expected =
          script.tally.contains(kind) && script.tally.at(kind).contains(bucket) ? script.tally.at(kind).at(bucket) : 0;
      if (counted.in_bucket(kind, bucket) != expected) return false;
    }
  }
  return counted.payload_bytes() == script.payload_bytes;
}

void check_script(Sender sender, const Script& script, const std::vector<std::size_t>& cuts) {
  FrameScanner scanner(sender);
  Seen seen;
  bool steps_agree = true;  // asserted once: there are millions of steps
  std::size_t start = 0;
  const auto take = [&](std::size_t end) {
    feed(scanner, std::string_view(script.stream).substr(start, end - start), {}, seen,
         [&](const Step& step, std::size_t before) { steps_agree &= agrees(script, scanner, step, before); });
    start = end;
  };
  for (const std::size_t cut : cuts) take(cut);
  take(script.stream.size());
  REQUIRE(steps_agree);
  REQUIRE_FALSE(seen.violation);
  REQUIRE(seen.output == script.output);
  REQUIRE(seen.controls == script.controls);
  REQUIRE(scanner.messages() == script.messages);
  REQUIRE(agrees(script, *seen.tally));
}

}  // namespace

TEST_SUITE("frame scanner") {
  TEST_CASE("random legal streams, cut at random") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        ScriptWriter writer(sender, seed);
        const Script script = writer.write(25);
        check_script(sender, script, {});
        for (const std::size_t longest : {3U, 30U, 700U, 20000U}) {
          std::vector<std::size_t> cuts;
          for (std::size_t at = writer.below(longest); at < script.stream.size(); at += 1 + writer.below(longest)) {
            cuts.push_back(at);
          }
          check_script(sender, script, cuts);
        }
      }
    }
  }

  TEST_CASE("a short stream at every cut in two, and byte by byte") {
    for (const Sender sender : {Sender::kClient, Sender::kBackend}) {
      for (std::uint32_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const Script script = ScriptWriter(sender, seed).write(8);
        if (script.stream.size() > 5000) continue;
        for (std::size_t cut = 1; cut < script.stream.size(); ++cut) check_script(sender, script, {cut});
        check_script(sender, script, cut_everywhere(script.stream));
      }
    }
  }

  TEST_CASE("all data frames of a read are one piece of it, without a copy") {
    const std::string text = frame(Sender::kClient, kFin | 1, "one") + frame(Sender::kClient, 2, "two") +
                             frame(Sender::kClient, kFin | 0, std::string(300, '3'));
    FrameScanner scanner(Sender::kClient);
    const Step step = scanner.scan(as_bytes(text), {}, tally);
    CHECK(step.stop == Stop::kInput);
    CHECK(step.head.empty());
    CHECK(step.body.data() == as_bytes(text).data());
    CHECK(step.body.size() == text.size());
    CHECK(scanner.messages() == 2);
  }

  TEST_CASE("a control frame within the read is reported where it lies; the data before it goes first") {
    const std::string data = frame(Sender::kClient, 1, "before");
    const std::string ping = frame(Sender::kClient, kFin | 9, "payload");
    const std::string read = data + ping + frame(Sender::kClient, kFin | 0, "after");
    FrameScanner scanner(Sender::kClient);
    const Step step = scanner.scan(as_bytes(read), {}, tally);
    REQUIRE(step.stop == Stop::kControl);
    CHECK(step.body.size() == data.size());
    CHECK(step.consumed == data.size() + ping.size());
    CHECK(step.frame_boundary == data.size());
    CHECK(step.message_boundary == 0);  // the ping stands inside a fragmented message
    CHECK(step.control.bytes.data() == as_bytes(read).data() + data.size());
    CHECK(as_text(step.control.bytes) == ping);
    ControlPayload room;
    CHECK(as_text(step.control.payload(room)) == "payload");
  }

  TEST_CASE("an incomplete header is held, and comes out as head once it is whole") {
    const std::string read = frame(Sender::kClient, kFin | 2, std::string(70000, 'b'));
    for (std::size_t cut = 1; cut < 14; ++cut) {
      FrameScanner scanner(Sender::kClient);
      Step step = scanner.scan(as_bytes(read).first(cut), {}, tally);
      CHECK(step.consumed == cut);
      CHECK(step.body.empty());
      CHECK(step.message_boundary == 0);
      CHECK(scanner.at_message_boundary());
      CHECK(scanner.messages() == 0);
      step = scanner.scan(as_bytes(read).subspan(cut), {}, tally);
      CHECK(as_text(step.head) == read.substr(0, cut));
      CHECK(step.body.size() == read.size() - cut);
      CHECK(step.message_boundary == read.size());
    }
  }

  TEST_CASE("head stays what it was while the next incomplete header is held") {
    const std::string first = frame(Sender::kBackend, kFin | 1, "a");
    const std::string second = frame(Sender::kBackend, kFin | 2, "b");
    FrameScanner scanner(Sender::kBackend);
    scanner.scan(as_bytes(first).first(1), {}, tally);
    const std::string read = first.substr(1) + second.substr(0, 1);
    Step step = scanner.scan(as_bytes(read), {}, tally);
    CHECK(step.consumed == read.size());
    CHECK(as_text(step.head) == first.substr(0, 1));
    CHECK(as_text(step.body) == first.substr(1));
    step = scanner.scan(as_bytes(second).subspan(1), {}, tally);
    CHECK(as_text(step.head) == second.substr(0, 1));
    CHECK(as_text(step.body) == second.substr(1));
  }

  TEST_CASE("nowhere in a step that lies inside a payload may a frame stand") {
    const std::string read = frame(Sender::kBackend, kFin | 1, "payload");
    FrameScanner scanner(Sender::kBackend);
    Step step = scanner.scan(as_bytes(read).first(4), {}, tally);
    CHECK(step.frame_boundary == 0);
    CHECK(step.message_boundary == 0);
    CHECK_FALSE(scanner.at_frame_boundary());
    step = scanner.scan(as_bytes(read).subspan(4, 2), {}, tally);
    CHECK(step.frame_boundary == FrameScanner::kNone);
    CHECK(step.message_boundary == FrameScanner::kNone);
    step = scanner.scan(as_bytes(read).subspan(6), {}, tally);
    CHECK(step.frame_boundary == read.size() - 6);
    CHECK(step.message_boundary == read.size() - 6);
  }

  TEST_CASE("a scan of nothing says where the output stands") {
    FrameScanner scanner(Sender::kBackend);
    CHECK(scanner.scan({}, {}, tally).message_boundary == 0);
    const std::string fragment = frame(Sender::kBackend, 1, "half");
    scanner.scan(as_bytes(fragment), {}, tally);
    const Step step = scanner.scan({}, {}, tally);
    CHECK(step.stop == Stop::kInput);
    CHECK(step.frame_boundary == 0);
    CHECK(step.message_boundary == FrameScanner::kNone);
  }

  TEST_CASE("a violation is final, and takes what was held with it") {
    const std::string legal = frame(Sender::kBackend, kFin | 1, "legal");
    FrameScanner scanner(Sender::kBackend);
    scanner.scan(as_bytes(legal), {}, tally);
    scanner.scan(as_bytes(test::bytes({kFin | 2})), {}, tally);
    Step step = scanner.scan(as_bytes(test::bytes({0x85})), {}, tally);
    CHECK(step.stop == Stop::kViolation);
    CHECK(step.head.empty());
    CHECK(step.body.empty());
    CHECK(step.message_boundary == 0);  // a Close may go there
    CHECK(std::string_view(scanner.violation().reason) == "masked frame from the backend");
  }

  TEST_CASE("behind a violation nothing passes, legal or not") {
    const std::string legal = frame(Sender::kBackend, kFin | 1, "legal");
    FrameScanner scanner(Sender::kBackend);
    const std::string broken = legal + test::bytes({kFin | 3});
    CHECK(scanner.scan(as_bytes(broken), {}, tally).body.size() == legal.size());
    const Step step = scanner.scan(as_bytes(legal), {}, tally);
    CHECK(step.stop == Stop::kViolation);
    CHECK(step.consumed == 0);
    CHECK(step.body.empty());
  }
}

}  // namespace drover::websocket
