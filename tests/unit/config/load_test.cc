// Valid files in all their forms, and every value where it belongs.
#include "config/load.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "loading.h"

namespace drover::config {
namespace {

using namespace std::chrono_literals;

Config valid(std::string_view text) {
  auto loaded = load(text);
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  return *std::move(loaded.config);
}

constexpr std::string_view kLongForm = R"(
workers: 1
listeners:
  - bind: "127.0.0.1:8080"
  - {bind: "[::1]:8080", shared: true}
trusted_proxies: ["10.0.0.0/8", "::1"]
nameservers: ["127.0.0.1:8600", "::1"]
routes:
  - match: {host: "Chat.example.com:8080", path: /ws, websocket: true}
    pool: chat
    strip_prefix: true
    allowed_origins: ["https://*.Example.com"]
  - pool: rest
pools:
  chat:
    backends:
      - 10.0.1.10:8080
      - {name: web-2, address: "web-2:8080", weight: 3, max_connections: 500}
    policy: round_robin
    attempts: 5
    limits: {max_message_size: 1MiB, max_fragments: 7}
    slow_client: {max_queued: 128KiB}
    timeouts: {connect: 1s, upgrade: 2s, idle: 1h30m, stalled_write: 45s, close: 3s}
    ping: {clients: 10s, backends: 500ms, timeout: 4s}
  rest:
    backends: ["[::1]:9000"]
limits: {max_connections: 1000, max_head_size: 32KiB, max_headers: 64, head_timeout: 4s}
shutdown: {announce: 7s, pace: 200/s, deadline: 1m}
admin: {bind: "localhost:9901", hosts: [Admin.Example.com]}
probes: {bind: ":9902"}
log: {level: debug, access: /var/log/drover/access.log}
)";

}  // namespace

TEST_CASE("the smallest configuration has every default") {
  const Config config = valid(kBase);
  CHECK(config.file == "t");
  CHECK_FALSE(config.workers.has_value());
  CHECK(config.nameservers.empty());
  REQUIRE(config.listeners.size() == 1);
  CHECK(config.listeners[0].bind == Endpoint{"", 8080, ":8080"});
  REQUIRE(config.pools.size() == 1);
  const Pool& pool = config.pools[0];
  CHECK(pool.name == "default");
  REQUIRE(pool.backends.size() == 2);
  CHECK(pool.backends[1].name == "127.0.0.1:9002");
  CHECK(pool.backends[1].address == Endpoint{"127.0.0.1", 9002, "127.0.0.1:9002"});
  CHECK(pool.policy == "health_score");
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].name == "*");
  CHECK(config.routes[0].pool == "default");
  CHECK_FALSE(config.routes[0].match.websocket.has_value());
  CHECK(pool.limits.max_message_size == 0);
  CHECK(pool.limits.max_fragments == 16'384);
  CHECK(pool.timeouts.stalled_write == 0s);
  CHECK(pool.timeouts == PoolTimeouts{});
  CHECK(pool.ping == Ping{30s, 0s, 20s});
  CHECK(config.limits == Limits{});
  CHECK(config.shutdown == Shutdown{});
  CHECK(config.admin == Admin{});
  CHECK(config.log == Log{});
}

TEST_CASE("the long form fills every field") {
  const Config config = valid(kLongForm);
  CHECK(config.workers == 1u);
  REQUIRE(config.listeners.size() == 2);
  CHECK(config.listeners[1].bind.host == "::1");
  CHECK_FALSE(config.listeners[0].shared);
  CHECK(config.listeners[1].shared);
  REQUIRE(config.trusted_proxies.size() == 2);
  CHECK(config.trusted_proxies[1].ipv6);
  CHECK(config.nameservers == std::vector<Endpoint>{{"127.0.0.1", 8600, "127.0.0.1:8600"}, {"::1", 53, "::1"}});
  REQUIRE(config.routes.size() == 2);
  const Route& route = config.routes[0];
  CHECK(route.name == "chat.example.com/ws");
  CHECK(route.match.host == "chat.example.com");
  CHECK(route.match.path == "/ws");
  CHECK(route.match.websocket == true);
  CHECK(route.pool == "chat");
  CHECK(route.strip_prefix);
  CHECK(route.allowed_origins == std::vector<std::string>{"https://*.example.com"});
  CHECK(config.routes[1].name == "*");
  REQUIRE(config.pools.size() == 2);
  const Pool& chat = config.pools[0];
  CHECK(chat.name == "chat");
  REQUIRE(chat.backends.size() == 2);
  CHECK(chat.backends[0].name == "10.0.1.10:8080");
  CHECK(chat.backends[1] == BackendSpec{"web-2", {"web-2", 8080, "web-2:8080"}, 3, 500, {}, ""});
  CHECK(chat.policy == "round_robin");
  CHECK(chat.attempts == 5);
  CHECK(chat.limits == PoolLimits{1u << 20U, 7});
  CHECK(chat.slow_client.max_queued == 128u * 1024);
  CHECK(chat.timeouts == PoolTimeouts{1s, 2s, 90min, 45s, 3s});
  CHECK(chat.ping == Ping{10s, 500ms, 4s});
  CHECK(config.pools[1].ping == Ping{});
  CHECK(config.limits == Limits{1000, 32 * 1024, 64, 4s});
  CHECK(config.shutdown == Shutdown{7s, 200.0, 60s});
  CHECK(config.admin.bind == Endpoint{"localhost", 9901, "localhost:9901"});
  CHECK(config.admin.hosts == std::vector<std::string>{"admin.example.com"});
  CHECK(config.probes.bind == Endpoint{"", 9902, ":9902"});
  CHECK(config.log == Log{LogLevel::kDebug, "/var/log/drover/access.log"});
}

TEST_CASE("the short form takes a pool's keys at top level, beside named pools") {
  const Config config = valid(
      "listen: [':8080', '127.0.0.1:8081']\n"
      "backends: [{address: 'a:1'}, 'b:2']\n"
      "policy: round_robin\nattempts: 2\n"
      "limits: {max_message_size: 64KiB, max_headers: 9, max_fragments: 5}\n"
      "slow_client: {max_queued: 4KiB}\n"
      "timeouts: {idle: 5m, stalled_write: 1m}\n"
      "ping: {backends: 15s}\n"
      "pools: {chat: {backends: ['c:3']}}\n"
      "routes: [{match: {path: /chat}, pool: chat}, {pool: default}]\n");
  REQUIRE(config.listeners.size() == 2);
  REQUIRE(config.pools.size() == 2);
  const Pool& pool = config.pools[1];
  CHECK(pool.name == "default");
  CHECK(pool.backends[0].name == "a:1");
  CHECK(pool.policy == "round_robin");
  CHECK(pool.attempts == 2);
  CHECK(pool.limits.max_message_size == 64u * 1024);
  CHECK(config.limits.max_headers == 9);
  CHECK(pool.slow_client.max_queued == 4u * 1024);
  CHECK(pool.limits.max_fragments == 5);
  CHECK(pool.timeouts.idle == 5min);
  CHECK(pool.timeouts.stalled_write == 1min);
  CHECK(pool.ping == Ping{30s, 15s, 20s});
}

TEST_CASE("JSON is YAML") {
  const Config config = valid(
      "{\n\t\"listen\": \":8080\",\n\t\"workers\": 1,\n\t\"backends\": [\n\t\t\"127.0.0.1:9001\",\n"
      "\t\t{\"address\": \"b:2\", \"weight\": 2}\n\t],\n"
      "\t\"routes\": [{\"match\": {\"websocket\": true, \"path\": \"\\/ws\"}, \"pool\": \"default\"}]\n}\n");
  CHECK(config.workers == 1u);
  CHECK(config.pools[0].backends[1].weight == 2);
  CHECK(config.routes[0].match.path == "/ws");
}

TEST_CASE("an anchor saves repetition") {
  const Config config = valid(
      "listen: ':1'\npools:\n  a: {backends: ['a:1'], timeouts: &t {connect: 1s}}\n"
      "  b: {backends: ['b:1'], timeouts: *t}\nroutes: [{match: {path: /a}, pool: a}, {pool: b}]\n");
  CHECK(config.pools[1].timeouts.connect == 1s);
}

TEST_CASE("zero, empty and auto") {
  const Config config = valid(kBase +
                              "workers: auto\nlimits: {max_connections: 0, max_fragments: 0}\nadmin: {bind: ''}\n"
                              "timeouts: {idle: 1h, stalled_write: 0}\nping: {clients: 0, backends: 0s}\n"
                              "shutdown: {pace: auto, announce: 0}\nlog: {access: off}\nroutes: []\n");
  CHECK_FALSE(config.workers.has_value());
  CHECK(config.limits.max_connections == 4'294'967'295U);
  CHECK(config.pools[0].limits.max_fragments == 0);
  CHECK(config.pools[0].timeouts.stalled_write == 0s);
  CHECK(config.pools[0].ping == Ping{0s, 0s, 20s});
  CHECK_FALSE(config.admin.bind.has_value());
  CHECK_FALSE(config.shutdown.pace.has_value());
  CHECK(config.log.access == "off");
  CHECK(config.routes.size() == 1);
}

TEST_CASE("line ends of either kind, and a byte order mark") {
  CHECK(valid("\xEF\xBB\xBFlisten: ':1'\r\nbackends: ['a:1']\r\n").listeners.size() == 1);
}

TEST_CASE("a relative path is relative to the file") {
  const auto loaded =
      load_text(kBase + "log: {access: ./logs/../access.log}\n", "/etc/drover/chat.yaml", no_environment);
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  CHECK(loaded.config->log.access == "/etc/drover/access.log");
}

TEST_CASE("a file that cannot be read, and one that can") {
  const auto text_of = [](const std::string& path) { return load_file(path).diagnostics.text(); };
  CHECK(text_of("/nonexistent/drover.yaml") ==
        "/nonexistent/drover.yaml: error: cannot be read: No such file or directory\n");
  CHECK(text_of("/tmp") == "/tmp: error: cannot be read: Is a directory\n");
  CHECK(text_of("/dev/null") == "/dev/null: error: the file is empty\n");
  CHECK(text_of("/dev/zero").find("error: the file is larger than") != std::string::npos);

  char path[] = "/tmp/drover-load-test-XXXXXX";
  const int descriptor = mkstemp(path);
  REQUIRE(descriptor >= 0);
  close(descriptor);
  std::ofstream(path) << kBase;
  const auto loaded = load_file(path);
  unlink(path);
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  CHECK(loaded.config->file == path);
}

TEST_CASE("the environment of the process is the default") {
  setenv("DROVER_LOAD_TEST", "7", 1);
  CHECK(process_environment("DROVER_LOAD_TEST") == "7");
  unsetenv("DROVER_LOAD_TEST");
  CHECK_FALSE(process_environment("DROVER_LOAD_TEST").has_value());
}

}  // namespace drover::config
