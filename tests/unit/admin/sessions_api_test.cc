// /api/v1/sessions: what is asked of the source, and how its answers are told.
#include "admin/sessions_api.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "logged.h"
#include "pools.h"
#include "requests.h"

namespace drover::admin {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kId = "00f2a1b2c3d4e5f6";
const std::string kOne = std::string("/api/v1/sessions/") + kId;

proxy::SessionView view() {
  proxy::SessionView session;
  session.id = kId;
  session.resume_id = "r1";
  session.client = "1.2.3.4:5";
  session.pool = "chat";
  session.backend = "web-1";
  session.path = "/ü\"\xff";
  session.subprotocol = "v1";
  session.state = "tunnelling";
  session.age = Milliseconds(6);
  session.messages_in = 7;
  session.messages_out = 8;
  session.bytes_in = 9;
  session.bytes_out = UINT64_MAX;
  session.queued = 11;
  session.moves = 12;
  return session;
}

const Json kView = Json::parse(R"({"id":"00f2a1b2c3d4e5f6","resume_id":"r1","client":"1.2.3.4:5","pool":"chat",
  "backend":"web-1","age_ms":6,"subprotocol":"v1","messages_in":7,"messages_out":8,"bytes_in":9,
  "bytes_out":18446744073709551615,"queued":11,"moves":12,"state":"tunnelling","path":"/\u00fc\"\ufffd"})");

// One session, kId, and a pool "chat" with a backend "web-1".
struct Served {
  Served() = default;
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  Answer ask(std::string_view line) { return admin::ask(endpoints, Asked(line)); }
  // What a list with this query asks the source for; it must have been asked.
  proxy::SessionQuery asked(const std::string& query) {
    queries.clear();
    CHECK(ask("GET /api/v1/sessions" + query).status == 200);
    REQUIRE(queries.size() == 1);
    return queries.front();
  }
  Source source() {
    Source source = serving({make_pool("mail", {}), make_pool("chat", {make_backend("web-1")})});
    source.list_sessions = [this](const proxy::SessionQuery& query, const auto& done) {
      queries.push_back(query);
      done(page);
    };
    source.find_session = [this](const std::string& id, const auto& done) {
      ++finds;
      done(id == kId ? std::optional(view()) : std::nullopt);
    };
    source.close_session = [this](const std::string& id, const auto& done) {
      closed.push_back(id);
      done(id == kId);
    };
    return source;
  }

  proxy::SessionPage page;
  std::vector<proxy::SessionQuery> queries;
  int finds = 0;
  std::vector<std::string> closed;
  Endpoints endpoints{source(), {}};
};

}  // namespace

TEST_CASE("a page has every field of its sessions, and a cursor while there are more") {
  Served served;
  CHECK(served.ask("GET /api/v1/sessions").body == "{\"sessions\":[],\"cursor\":null}\n");
  served.page.sessions = {view(), view()};
  served.page.cursor = kId;
  const auto answer = served.ask("GET /api/v1/sessions");
  CHECK(answer.status == 200);
  CHECK(answer.json() == Json{{"sessions", {kView, kView}}, {"cursor", kId}});
}

TEST_CASE("the query goes to the source") {
  Served served;
  const auto plain = served.asked("");
  CHECK(plain.pool.empty());
  CHECK(plain.backend.empty());
  CHECK(plain.client.empty());
  CHECK(plain.cursor.empty());
  CHECK(plain.limit == 100);
  const auto full = served.asked("?pool=chat&backend=web%2D1&client=[::1]:5&limit=1000&cursor=" + std::string(kId));
  CHECK(full.pool == "chat");
  CHECK(full.backend == "web-1");
  CHECK(full.client == "[::1]:5");
  CHECK(full.limit == 1000);
  CHECK(full.cursor == kId);
  CHECK(served.asked("?pool=&backend=&client=&limit=&cursor=").limit == 100);
  CHECK(served.asked("?limit=1").limit == 1);
  CHECK(served.asked("?backend=web-1").backend == "web-1");
}

TEST_CASE("a query that makes no sense is 400 and asks nobody") {
  Served served;
  const std::string names = "; the parameters here are pool, backend, client, limit, cursor";
  for (const char* limit : {"0", "1001", "-1", "+1", "1.0", "0x10", "10a", "%20", "4294967297"}) {
    CAPTURE(limit);
    const auto answer = served.ask("GET /api/v1/sessions?limit=" + std::string(limit));
    CHECK(answer.status == 400);
    CHECK(answer.json() == Json{{"error", "limit is a number from 1 to 1000"}});
  }
  for (const char* cursor : {"x", "00f2a1b2c3d4e5f", "00f2a1b2c3d4e5f60", "00F2A1B2C3D4E5F6", "00f2a1b2c3d4e5fg"}) {
    CAPTURE(cursor);
    const auto answer = served.ask("GET /api/v1/sessions?cursor=" + std::string(cursor));
    CHECK(answer.status == 400);
    CHECK(answer.json() == Json{{"error", "cursor is not one that a page of sessions has given"}});
  }
  CHECK(served.ask("GET /api/v1/sessions?pools=x").json() ==
        Json{{"error", "the query has an unknown parameter" + names}});
  CHECK(served.ask("GET /api/v1/sessions?pool=chat&pool=chat").status == 400);
  CHECK(served.ask("GET /api/v1/sessions?pool=%").status == 400);
  CHECK(served.queries.empty());
}

TEST_CASE("a filter by what is not there is 404 and asks nobody") {
  Served served;
  const auto error = [&served](const std::string& query) {
    const auto answer = served.ask("GET /api/v1/sessions" + query);
    CHECK(answer.status == 404);
    return answer.json()["error"].get<std::string>();
  };
  CHECK(error("?pool=nope") == "no pool 'nope'");
  CHECK(error("?pool=nope&backend=web-1") == "no pool 'nope'");
  CHECK(error("?pool=mail&backend=web-1") == "no backend 'web-1' in pool 'mail'");
  CHECK(error("?backend=web-9") == "no backend 'web-9' in any pool");
  CHECK(served.queries.empty());
}

TEST_CASE("one session is told, or 404") {
  Served served;
  const auto answer = served.ask("GET " + kOne);
  CHECK(answer.status == 200);
  CHECK(answer.json() == kView);
  const auto unknown = served.ask("GET /api/v1/sessions/0123456789abcdef");
  CHECK(unknown.status == 404);
  CHECK(unknown.json() == Json{{"error", "no session '0123456789abcdef'"}});
  CHECK(served.finds == 2);
  CHECK(served.ask("GET /api/v1/sessions/nonsense").json() == Json{{"error", "no session 'nonsense'"}});
  CHECK(served.ask("GET /api/v1/sessions/").status == 404);
  CHECK(served.finds == 2);
}

TEST_CASE("one session is closed, or 404, by DELETE alone") {
  Served served;
  const auto answer = served.ask("DELETE " + kOne);
  CHECK(answer.status == 200);
  CHECK(answer.json() == Json{{"id", kId}, {"closing", true}});
  CHECK(served.ask("DELETE /api/v1/sessions/0123456789abcdef").status == 404);
  CHECK(served.ask("DELETE /api/v1/sessions/nonsense").status == 404);
  CHECK(served.closed == std::vector<std::string>{kId, "0123456789abcdef"});
  const auto posted = served.ask("POST " + kOne);
  CHECK(posted.status == 405);
  CHECK(posted.has("Allow: GET, HEAD, DELETE"));
  const auto text = logged([] {
    Served logging;
    logging.ask("DELETE " + kOne);
    logging.ask("DELETE /api/v1/sessions/0123456789abcdef");
  });
  CHECK(text.ends_with(std::string(" info session_close_asked session=") + kId + " peer=10.0.0.7:80\n"));
  CHECK(count(text, "\n") == 1);
}

}  // namespace drover::admin
