// The lines as text: every field in some form, what is empty left out, and one event one line.
#include <doctest/doctest.h>

#include <regex>
#include <string>
#include <vector>

#include "observe/access_log.h"
#include "whole_line.h"

namespace drover::observe {

namespace {

// Of more than a minute, with a detail that needs quotes.
SessionLine long_line() {
  SessionLine line = whole_line();
  line.duration = Milliseconds(62'345);
  line.messages_in = 3;
  line.messages_out = 4;
  line.bytes_in = 120;
  line.detail = "it has gone";
  return line;
}

std::string without_time(const std::string& text) {
  static const std::regex kTime(R"(20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z )");
  std::smatch match;
  REQUIRE(std::regex_search(text, match, kTime, std::regex_constants::match_continuous));
  return match.suffix();
}

// The value of `key` in the line of a session that lasted so long.
std::string duration_of(Milliseconds duration) {
  SessionLine line;
  line.duration = duration;
  const std::string text = to_text(line);
  const auto begin = text.find("duration=") + std::string("duration=").size();
  return text.substr(begin, text.find(' ', begin) - begin);
}

}  // namespace

TEST_CASE("a session's text has every field, what one reads first at the front") {
  CHECK(without_time(to_text(long_line())) ==
        "session client=127.0.0.1:5 status=101 end=backend:backend_lost detail=\"it has gone\" pool=chat backend=web-1 "
        "path=/ws duration=1m2.345s in=3/120B out=4/18446744073709551615B close=1000/1005 rtt=0.412ms/1002.003ms "
        "attempts=2 subprotocol=mqtt route=* id=a1 request_id=c3 resume_id=b2");
}

TEST_CASE("where a session was before stands in its text, with why it left") {
  const std::vector<Move> moves = {{"web-1", MoveCause::kLeaving}, {"127.0.0.1:9002", MoveCause::kClosed}};
  SessionLine line = long_line();
  line.moves = moves;
  CHECK(to_text(line).find(" backend=web-1 path=/ws moves=web-1:leaving,127.0.0.1:9002:closed duration=") !=
        std::string::npos);
}

TEST_CASE("what is empty is left out of the text") {
  CHECK(without_time(to_text(SessionLine{})) == "session end=client:normal duration=0.000s in=0/0B out=0/0B");
  CHECK(without_time(to_text(OpenLine{})) == "open");
}

TEST_CASE("a number that only one side has stands on its side") {
  SessionLine line;
  line.close_code_client = 1001;
  line.rtt_backend = std::chrono::microseconds(20'000);
  const std::string text = to_text(line);
  CHECK(text.find(" close=1001/- ") != std::string::npos);
  CHECK(text.ends_with(" rtt=-/20.000ms"));
}

TEST_CASE("an open line's text has what is known when a tunnel begins") {
  CHECK(without_time(to_text(static_cast<const OpenLine&>(long_line()))) ==
        "open client=127.0.0.1:5 pool=chat backend=web-1 path=/ws attempts=2 subprotocol=mqtt route=* id=a1 "
        "request_id=c3 resume_id=b2");
}

TEST_CASE("without a request id of the client's the resume id is it") {
  SessionLine line = long_line();
  line.request_id = {};
  CHECK(to_text(line).ends_with(" id=a1 request_id=b2 resume_id=b2"));
}

TEST_CASE("a duration is in hours, minutes and seconds") {
  CHECK(duration_of(Milliseconds(0)) == "0.000s");
  CHECK(duration_of(Milliseconds(7)) == "0.007s");
  CHECK(duration_of(Milliseconds(59'999)) == "59.999s");
  CHECK(duration_of(Milliseconds(60'000)) == "1m0.000s");
  CHECK(duration_of(Milliseconds(3'600'000)) == "1h0m0.000s");
  CHECK(duration_of(Milliseconds(3'600'000 * 49L + 61'001)) == "49h1m1.001s");
}

TEST_CASE("a text line is printable ASCII without stray quotes, whatever a peer sends") {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  SessionLine line = long_line();
  line.path = line.subprotocol = line.detail = every_byte;
  line.client = every_byte;
  const std::string text = to_text(line);
  for (const char c : text) CHECK((c >= ' ' && c <= '~'));
  line.path = "/a\r\n\x1b[2J\"\\ status=200";
  CHECK(to_text(line).find(R"( path="/a\x0d\x0a\x1b[2J\"\\ status=200" )") != std::string::npos);
}

}  // namespace drover::observe
