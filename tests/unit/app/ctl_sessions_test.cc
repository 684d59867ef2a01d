// `drover ctl sessions`: over pages, as a table, and one in full.
#include "app/ctl_sessions.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "canned_server.h"
#include "config/addresses.h"

using namespace drover;
using namespace drover::app;
using namespace std::chrono_literals;

namespace {

constexpr const char* kSession =
    R"({"id":"00000000000000aa","resume_id":"r1","client":"1.2.3.4:5","pool":"chat","backend":"web-1","age_ms":200000,)"
    R"("subprotocol":"","messages_in":1234567,"messages_out":2,"bytes_in":1234567890,"bytes_out":4,"queued":0,)"
    R"("moves":1,"state":"tunnelling","path":"/ws\u001b[2J"})";

// The value of `name` in the target of a request; empty where it has none.
std::string parameter(const std::string& head, const std::string& name) {
  const auto target = head.substr(0, head.find(" HTTP/"));
  for (const char* sign : {"?", "&"}) {
    const auto at = target.find(sign + name + "=");
    if (at == std::string::npos) continue;
    const auto value = target.substr(at + name.size() + 2);
    return value.substr(0, value.find('&'));
  }
  return {};
}

// A server that has `total` sessions, called by their numbers, and gives `most` at once.
CannedServer::Answer sessions_in_pages(unsigned total, unsigned most) {
  return [total, most](const std::string& head) {
    const auto cursor = parameter(head, "cursor");
    const unsigned first = cursor.empty() ? 0 : static_cast<unsigned>(std::stoul(cursor));
    const auto limit = static_cast<unsigned>(std::stoul(parameter(head, "limit")));
    const unsigned last = std::min(total, first + std::min(most, limit));
    std::string body = R"({"sessions":[)";
    for (unsigned i = first; i < last; ++i) {
      body += (i == first ? "" : ",") + std::string(R"({"id":")") + std::to_string(i) + "\"}";
    }
    body += R"(],"cursor":)" + (last == total ? "null" : "\"" + std::to_string(last) + "\"") + "}";
    return http_answer(200, body);
  };
}

Result<SessionsAnswer> listed(const CannedServer& server, std::optional<std::uint64_t> limit,
                              const CtlLine::Filter& filter = {}) {
  CtlLine line;
  line.limit = limit;
  line.filter = filter;
  return list_sessions(CtlClient({*config::parse_endpoint(server.address()), ""}, 30s), line);
}

}  // namespace

TEST_CASE("ctl sessions goes from page to page up to the limit") {
  CannedServer server(sessions_in_pages(25, 10));
  const auto some = listed(server, 12);
  REQUIRE(some.has_value());
  CHECK(some->sessions.size() == 12);
  CHECK(some->sessions.back().id == "11");
  CHECK(some->cursor == "12");
  CHECK(more_sessions_note(*some) == "there are more than these 12: see --limit and --all\n");
  const auto asked = server.asked();
  REQUIRE(asked.size() == 2);
  CHECK(parameter(asked[0], "limit") == "12");
  CHECK(parameter(asked[1], "limit") == "2");
}

TEST_CASE("ctl sessions --all goes to the end, a thousand at a time") {
  CannedServer server(sessions_in_pages(25, 10));
  const auto all = listed(server, std::nullopt);
  REQUIRE(all.has_value());
  CHECK(all->sessions.size() == 25);
  CHECK(all->cursor.empty());
  CHECK(more_sessions_note(*all).empty());
  CHECK(parameter(server.asked().front(), "limit") == "1000");
  CannedServer many(sessions_in_pages(2'500, 1'000));
  CHECK(listed(many, 1'500)->sessions.size() == 1'500);
  CHECK(parameter(many.asked().back(), "limit") == "500");
}

TEST_CASE("ctl sessions --json is all pages as one") {
  CannedServer server(sessions_in_pages(3, 2));
  CHECK(merged(*listed(server, std::nullopt)) ==
        "{\"sessions\":[{\"id\":\"0\"},{\"id\":\"1\"},{\"id\":\"2\"}],\"cursor\":null}\n");
  CHECK(merged(*listed(server, 1)) == "{\"sessions\":[{\"id\":\"0\"}],\"cursor\":\"1\"}\n");
  CHECK(merged({}) == "{\"sessions\":[],\"cursor\":null}\n");
}

TEST_CASE("ctl sessions asks for what the filters say") {
  CannedServer server(sessions_in_pages(1, 1));
  REQUIRE(listed(server, 5, {.pool = "a&b", .backend = "web@10.0.0.1:80", .client = "[::1]:5"}).has_value());
  CHECK(server.asked().front().starts_with(
      "GET /api/v1/sessions?limit=5&pool=a%26b&backend=web%4010.0.0.1%3A80&client=%5B%3A%3A1%5D%3A5 HTTP/1.1\r\n"));
}

TEST_CASE("ctl sessions gives up on a server that goes in circles, and says what a refusal says") {
  CannedServer circle([](const std::string&) { return http_answer(200, R"({"sessions":[],"cursor":"c"})"); });
  CHECK(listed(circle, 5).error().detail.contains("the same page"));
  CHECK(circle.asked().size() == 2);
  CannedServer refusing([](const std::string&) { return http_answer(404, R"({"error":"no pool 'x'"})"); });
  CHECK(listed(refusing, 5).error().detail.contains("no pool 'x'"));
}

TEST_CASE("ctl sessions is a table") {
  const auto sessions = read_sessions(R"({"sessions":[)" + std::string(kSession) + R"(,{"id":"b"}],"cursor":null})");
  CHECK(sessions_table(sessions, {}) ==
        "ID                CLIENT     POOL  BACKEND  STATE         AGE  MESSAGES IN  OUT  BYTES IN  OUT  QUEUED  MOVES"
        "  PATH\n"
        "00000000000000aa  1.2.3.4:5  chat  web-1    tunnelling  3m20s         1.2M    2    1.2 GB  4 B     0 B      1"
        "  /ws\\x1b[2J\n"
        "b                                                           -            -    -         -    -       -      "
        "-\n");
}

TEST_CASE("ctl sessions ID shows everything, exactly") {
  CHECK(session_text(read_session(kSession)) ==
        "id            00000000000000aa\n"
        "resume id     r1\n"
        "state         tunnelling\n"
        "client        1.2.3.4:5\n"
        "path          /ws\\x1b[2J\n"
        "subprotocol   -\n"
        "pool          chat\n"
        "backend       web-1\n"
        "age           3m20s\n"
        "messages in   1234567\n"
        "messages out  2\n"
        "bytes in      1.2 GB (1234567890)\n"
        "bytes out     4 B\n"
        "queued        0 B\n"
        "moves         1\n");
  CHECK(session_text(read_session("[]")).starts_with("id            -\n"));
}
