// `drover ctl status` from canned answers.
#include "app/ctl_status.h"

#include <doctest/doctest.h>

using namespace drover::app;

namespace {

constexpr const char* kHealth = R"({"status":"healthy","version":"1.2.3","uptime_seconds":273600,"checks":{
  "connection_pool":{"healthy":true,"active_connections":12,"max_connections":9990,"utilization":0.0012},
  "memory_usage":{"healthy":true,"rss_bytes":34567890,"buffered_bytes":1200},
  "message_queue":{"healthy":true,"log_lines_dropped":3},
  "backends":{"healthy":true,"pools":[]},
  "descriptors":{"healthy":true,"used":950,"limit":1000},
  "ports":{"healthy":true,"used":28232,"limit":28232,"backend":"10.0.1.10:8080"}}})";

constexpr const char* kBackends = R"({"pools":[
  {"name":"chat","policy":"health_score","backends":[
    {"name":"web-1","address":"10.0.1.10:8080","probe":"up","ejected":false,"admin":"ready","eligible":true,
     "weight":2,"weight_percent":50,"max_connections":10,"active":3,"score":0.234567,
     "load":{"cpu":0.4,"memory":0.05,"age_ms":800},"latency_ms":1.25,"totals":{"sessions":123456,"failures":1}},
    {"name":"web@a:1","address":"10.0.1.11:8080","probe":"down","ejected":true,"admin":"maintenance","eligible":false,
     "weight":1,"max_connections":0,"active":0,"score":null,"load":{},"latency_ms":null,
     "totals":{"sessions":0,"failures":0}}]},
  {"name":"mail","policy":"round_robin","panic":true,"backends":[]}]})";

std::string screen_of(const StatusBodies& bodies, const Screen& screen = {}) {
  return status_screen("127.0.0.1:9900", bodies, screen);
}

BackendAnswer up() {
  BackendAnswer backend;
  backend.probe = "up";
  backend.operator_state = "ready";
  return backend;
}

}  // namespace

TEST_CASE("ctl status is one screen: who, whether ready, what is near its limit, and the backends") {
  CHECK(screen_of({kHealth, R"({"ready":true})", kBackends}) ==
        "drover 1.2.3 at 127.0.0.1:9900, up 3d4h\n"
        "ready\n"
        "\n"
        "CEILING              USED  LIMIT  PERCENT\n"
        "connections            12   9990    0.1 %\n"
        "descriptors           950   1000     95 %\n"
        "ports               28232  28232    100 %  to 10.0.1.10:8080\n"
        "memory              35 MB      -        -\n"
        "buffered           1.2 kB      -        -\n"
        "log lines dropped       3      -        -\n"
        "\n"
        "pool mail: panic, too few are healthy, so sessions go to all of them\n"
        "POOL  BACKEND  ADDRESS         STATE                WEIGHT  ACTIVE  SCORE  LATENCY   CPU  MEMORY    AGE"
        "  SESSIONS  FAILURES\n"
        "chat  web-1    10.0.1.10:8080  up                 2 (50 %)    3/10   0.23  1.25 ms  40 %   5.0 %  800ms"
        "      123k         1\n"
        "chat  web@a:1  10.0.1.11:8080  maintenance, down         1       0      -        -     -       -      -"
        "         0         0\n");
}

TEST_CASE("ctl status tells of the certificate that expires first") {
  const auto certificate = [](const std::string& days) {
    const auto health =
        R"({"checks":{"certificates":{"healthy":true,"expires_in_days":)" + days + R"(,"file":"/etc/chat.pem"}}})";
    const auto text = screen_of({health, R"({"ready":true})", kBackends});
    const auto at = text.find("certificate");
    return at == std::string::npos ? std::string() : text.substr(at, text.find('\n', at) - at);
  };
  CHECK(certificate("9") == "certificate        9 days      -        -  /etc/chat.pem");
  CHECK(certificate("-1") == "certificate        expired      -        -  /etc/chat.pem");
  CHECK(certificate("null").empty());
}

TEST_CASE("ctl status says why it is not ready") {
  const auto text = screen_of({kHealth, R"({"ready":false,"reason":"shutting down\u001b[0m"})", kBackends});
  CHECK(text.contains("\nnot ready: shutting down\\x1b[0m\n"));
  CHECK(screen_of({kHealth, "{}", kBackends}).contains("not ready: no reason given"));
}

TEST_CASE("ctl status shows what is there, whatever the answers lack or have of another type") {
  for (const char* body : {"{}", "[]", "null", R"({"pools":7,"checks":[1],"version":2,"uptime_seconds":"x"})",
                           R"({"pools":[1,{"backends":{"a":1}},{"name":3,"backends":[null,{"load":[]}]}]})"}) {
    CAPTURE(body);
    CHECK(screen_of({body, body, body}).contains("connections"));
  }
  const auto text = screen_of({R"({"checks":{"connection_pool":{"active_connections":-1,"max_connections":0}}})", "{}",
                               R"({"pools":[{"name":"p","backends":[{"name":"b"}]}]})"});
  CHECK(text.contains("connections           -      -        -\n"));
  CHECK(text.contains("p     b"));
}

TEST_CASE("ctl status colours what is wrong on a terminal") {
  const auto text = screen_of({kHealth, "{}", kBackends}, {.colours = Screen::Colours::kOn, .width = 0});
  CHECK(text.contains("\x1b[31mnot ready\x1b[0m"));
  CHECK(text.contains("\x1b[33m95 %\x1b[0m"));
  CHECK(text.contains("\x1b[31m100 %\x1b[0m"));
  CHECK(text.contains("\x1b[33m3\x1b[0m"));  // lines dropped
  CHECK(text.contains("\x1b[32mup\x1b[0m"));
  CHECK(text.contains("\x1b[31mpanic\x1b[0m"));
  CHECK_FALSE(screen_of({kHealth, "{}", kBackends}).contains('\x1b'));
}

TEST_CASE("ctl status names a state in one word or two") {
  CHECK(state_cell(up()).text == "up");
  auto backend = up();
  backend.active = 5;
  CHECK(state_cell(backend).text == "up");  // without a limit nobody is full
  backend.max_connections = 5;
  CHECK(state_cell(backend).text == "full");
  backend.ejected = true;
  CHECK(state_cell(backend).text == "ejected, full");
  backend.probe = "checking";
  CHECK(state_cell(backend).text == "checking, ejected");
  CHECK(state_cell(backend).tone == Tone::kWarning);
  backend.probe = "down";
  CHECK(state_cell(backend).tone == Tone::kBad);
  backend.operator_state = "drain";
  CHECK(state_cell(backend).text == "drain, down");
  backend.leaving = true;
  CHECK(state_cell(backend).text == "leaving, drain");
}

TEST_CASE("ctl status --json is the three answers as they came") {
  CHECK(status_json({"{\"a\": 1}\n", "{}", "[ ]\r\n", "{ }\n"}) ==
        "{\"health\":{\"a\": 1},\"ready\":{},\"backends\":[ ],\"drains\":{ }}\n");
  CHECK(status_json({"{}", "{}", "{}", ""}) == "{\"health\":{},\"ready\":{},\"backends\":{}}\n");
}

TEST_CASE("ctl status tells of drains that go on, and of the freeze") {
  const auto text = screen_of({kHealth, R"({"ready":true})", kBackends,
                               R"({"drains":[{"id":"d1","pool":"chat","state":"done","total":3},
                                  {"id":"d2","pool":"chat","backends":["web-1"],"state":"frozen","total":4,"left":1}],
                                  "frozen":true})"});
  CHECK(
      text.contains("\nready\n"
                    "frozen: no drain moves a session\n"
                    "drain d2 of chat/web-1: frozen, 75 %, 1 of 4 left\n"
                    "\nCEILING"));
  CHECK_FALSE(text.contains("d1"));
}
