// The lines in JSON: their fields in order, nulls, and that no byte of a peer's can break a line.
#include "observe/access_log.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <regex>
#include <string>
#include <vector>

#include "whole_line.h"

namespace drover::observe {

namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("a session line has every field, in order") {
  const auto object = Json::parse(to_json(whole_line()));
  CHECK(keys_of(object) == std::vector<std::string>{"event",
                                                    "time",
                                                    "id",
                                                    "resume_id",
                                                    "request_id",
                                                    "client",
                                                    "route",
                                                    "pool",
                                                    "backends",
                                                    "attempts",
                                                    "status",
                                                    "path",
                                                    "subprotocol",
                                                    "duration_ms",
                                                    "messages_in",
                                                    "messages_out",
                                                    "bytes_in",
                                                    "bytes_out",
                                                    "close_code_client",
                                                    "close_code_backend",
                                                    "rtt_client_ms",
                                                    "rtt_backend_ms",
                                                    "initiator",
                                                    "why",
                                                    "detail"});
  CHECK(object["event"] == "session");
  CHECK(object["id"] == "a1");
  CHECK(object["resume_id"] == "b2");
  CHECK(object["request_id"] == "c3");
  CHECK(object["client"] == "127.0.0.1:5");
  CHECK(object["route"] == "*");
  CHECK(object["pool"] == "chat");
  CHECK(object["backends"] == Json::parse(R"([{"name":"web-1","why":"pick"}])"));
  CHECK(object["attempts"] == 2);
  CHECK(object["status"] == 101);
  CHECK(object["path"] == "/ws");
  CHECK(object["subprotocol"] == "mqtt");
  CHECK(object["duration_ms"] == 1234);
  CHECK(object["messages_in"] == 1);
  CHECK(object["messages_out"] == 2);
  CHECK(object["bytes_in"] == 3);
  CHECK(object["bytes_out"] == 18446744073709551615U);
  CHECK(object["close_code_client"] == 1000);
  CHECK(object["close_code_backend"] == 1005);
  CHECK(object["rtt_client_ms"] == 0.412);
  CHECK(object["rtt_backend_ms"] == 1002.003);
  CHECK(object["initiator"] == "backend");
  CHECK(object["why"] == "backend_lost");
  CHECK(object["detail"] == "gone");
}

TEST_CASE("of a session that moved there are all backends that it had, with the reason of each move") {
  const std::vector<Move> moves = {{"web-1", MoveCause::kDrain}, {"web-2", MoveCause::kRescued}};
  SessionLine line;
  line.backend = "web-3";
  line.moves = moves;
  const auto object = Json::parse(to_json(line));
  CHECK(object["backends"] == Json::parse(R"([{"name":"web-1","why":"pick"},{"name":"web-2","why":"drain"},
                                              {"name":"web-3","why":"rescued"}])"));
}

TEST_CASE("what is not there is null, an empty list, or left out") {
  const auto object = Json::parse(to_json(SessionLine{}));
  CHECK(object["status"].is_null());
  CHECK(object["backends"] == Json::array());
  CHECK(object["close_code_client"].is_null());
  CHECK(object["close_code_backend"].is_null());
  CHECK(object["rtt_client_ms"].is_null());
  CHECK(object["rtt_backend_ms"].is_null());
  CHECK(!object.contains("moves"));
  CHECK(!object.contains("detail"));
  CHECK(object["subprotocol"] == "");
}

TEST_CASE("an open line has what is known when a tunnel begins, in order") {
  const auto object = Json::parse(to_json(static_cast<const OpenLine&>(whole_line())));
  CHECK(keys_of(object) == std::vector<std::string>{"event", "time", "id", "resume_id", "request_id", "client", "route",
                                                    "pool", "backend", "attempts", "path", "subprotocol"});
  CHECK(object["event"] == "open");
  CHECK(object["id"] == "a1");
  CHECK(object["resume_id"] == "b2");
  CHECK(object["request_id"] == "c3");
  CHECK(object["client"] == "127.0.0.1:5");
  CHECK(object["route"] == "*");
  CHECK(object["pool"] == "chat");
  CHECK(object["backend"] == "web-1");
  CHECK(object["attempts"] == 2);
  CHECK(object["path"] == "/ws");
  CHECK(object["subprotocol"] == "mqtt");
}

TEST_CASE("without a request id of the client's the resume id is it") {
  SessionLine line = whole_line();
  line.request_id = {};
  CHECK(Json::parse(to_json(line))["request_id"] == "b2");
  CHECK(Json::parse(to_json(static_cast<const OpenLine&>(line)))["request_id"] == "b2");
}

TEST_CASE("the time is UTC with milliseconds") {
  const auto time = Json::parse(to_json(SessionLine{}))["time"].get<std::string>();
  CHECK(std::regex_match(time, std::regex(R"(20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z)")));
  const auto now = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day today(now);
  CHECK(std::stoi(time.substr(0, 4)) >= static_cast<int>(today.year()) - 1);
}

TEST_CASE("a round-trip time has at most three decimals, and no other notation") {
  const auto written = [](std::int64_t microseconds) {
    SessionLine line;
    line.rtt_client = std::chrono::microseconds(microseconds);
    const std::string json = to_json(line);
    const std::string key = R"("rtt_client_ms":)";
    const std::size_t begin = json.find(key) + key.size();
    return json.substr(begin, json.find(',', begin) - begin);
  };
  CHECK(written(0) == "0.0");
  CHECK(written(1) == "0.001");
  CHECK(written(412) == "0.412");
  CHECK(written(20'000) == "20.0");
  CHECK(written(31'535'999'999'999) == "31535999999.999");  // the longest ping.timeout
  for (std::int64_t microseconds = 0; microseconds < 20'000; ++microseconds)
    REQUIRE(written(microseconds).size() <= sizeof("19.999") - 1);
}

TEST_CASE("one event is one line of printable ASCII, whatever a peer sends") {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  const std::string tricks =
      "\r\n\x1b[2J\"\\\x7f\xc2\x9b\xe2\x80\xa8\xe2\x80\xae";  // CSI, line separator, RTL override
  for (const std::string& text : {every_byte, tricks}) {
    SessionLine line = whole_line();
    line.path = line.subprotocol = line.detail = text;
    line.client = text;
    const std::string json = to_json(line);
    for (const char c : json) CHECK((c >= ' ' && c <= '~'));
    CHECK(Json::accept(json));
  }
  SessionLine line;
  line.path = tricks;
  CHECK(Json::parse(to_json(line))["path"] == tricks);  // escaped, not changed
}

TEST_CASE("bytes that are no UTF-8 become U+FFFD") {
  SessionLine line;
  line.path = "/a\xff\xc0\xaf/b";
  CHECK(Json::parse(to_json(line))["path"] == "/a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd/b");
}

TEST_CASE("every text is escaped as a JSON library would do it") {
  // Bytes at the bounds of what may begin or continue a character; all their sequences of up to four.
  const std::string bytes = "a\"\x1f\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf4\xf5";
  const auto same = [](const std::string& text) {
    SessionLine line;
    line.path = text;
    const std::string wanted = R"("path":)" + Json(text).dump(-1, ' ', true, Json::error_handler_t::replace) + ",";
    return to_json(line).contains(wanted);
  };
  for (int byte = 0; byte < 256; ++byte) REQUIRE(same(std::string(1, static_cast<char>(byte))));
  std::vector<std::string> texts = {""};
  for (int length = 1; length <= 4; ++length) {
    std::vector<std::string> longer;
    for (const auto& text : texts) {
      for (const char byte : bytes) longer.push_back(text + byte);
    }
    texts = std::move(longer);
    for (const auto& text : texts) {
      CAPTURE(Json(text).dump(-1, ' ', true, Json::error_handler_t::replace));
      REQUIRE(same(text));
    }
  }
}

TEST_CASE("names") {
  CHECK(name_of(Initiator::kClient) == "client");
  CHECK(name_of(Initiator::kBackend) == "backend");
  CHECK(name_of(Initiator::kDrover) == "drover");
  CHECK(name_of(Why::kNormal) == "normal");
  CHECK(name_of(Why::kIdle) == "idle");
  CHECK(name_of(Why::kPingTimeout) == "ping_timeout");
  CHECK(name_of(Why::kShutdown) == "shutdown");
  CHECK(name_of(Why::kProtocolError) == "protocol_error");
  CHECK(name_of(Why::kTooBig) == "too_big");
  CHECK(name_of(Why::kSlow) == "slow");
  CHECK(name_of(Why::kBackendLost) == "backend_lost");
  CHECK(name_of(Why::kClientLost) == "client_lost");
  CHECK(name_of(Why::kRejected) == "rejected");
  CHECK(name_of(MoveMode::kHandoff) == "handoff");
  CHECK(name_of(MoveMode::kNotify) == "notify");
  CHECK(name_of(MoveMode::kClose) == "close");
  CHECK(name_of(MoveMode::kRescue) == "rescue");
  CHECK(name_of(MoveResult::kOk) == "ok");
  CHECK(name_of(MoveResult::kForced) == "forced");
  CHECK(name_of(MoveResult::kRefused) == "refused");
  CHECK(name_of(MoveResult::kFailed) == "failed");
  CHECK(name_of(MoveCause::kDrain) == "drain");
  CHECK(name_of(MoveCause::kLeaving) == "leaving");
  CHECK(name_of(MoveCause::kClosed) == "closed");
  CHECK(name_of(MoveCause::kRescued) == "rescued");
  CHECK(name_of(MoveCause::kRebalance) == "rebalance");
}

}  // namespace drover::observe
