// health_check, resolve_interval, ejection, panic_threshold and nameservers: what they take, what they refuse
// and where, what is warned of, and that the dump keeps them.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/values.h"
#include "loading.h"

namespace drover::config {
namespace {

using namespace std::chrono_literals;
using Type = HealthCheck::Type;

// A valid file with `lines` added as line 3 and on; its dump loads to the same.
Config config(const std::string& lines) {
  const Loaded loaded = load(kBase + lines + "\n");
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  const std::string dump = to_yaml(*loaded.config);
  CAPTURE(dump);
  const Loaded again = load(dump);
  REQUIRE_MESSAGE(again.config.has_value(), again.diagnostics.text());
  CHECK(*again.config == *loaded.config);
  CHECK(to_yaml(*again.config) == dump);
  return *loaded.config;
}

Pool pool(const std::string& lines) {
  return config(lines).pools.at(0);
}

HealthCheck health_check(const std::string& keys) {
  return pool("health_check: {" + keys + "}").health_check;
}

std::string complaint(const std::string& line) {
  return complaints(kBase + line + "\n");
}

// The one error about a value of health_check, without its place, which is checked.
std::string refusal(const std::string& key, const std::string& value) {
  const std::string place = "t:3:" + std::to_string(18 + key.size()) + ": error: 'health_check." + key + "'";
  const std::string all = complaint("health_check: {" + key + ": " + value + "}");
  CHECK(all.starts_with(place));
  return all.substr(std::min(place.size(), all.size()));
}

std::string warning(const std::string& keys) {
  config("health_check: {" + keys + "}");
  return complaint("health_check: {" + keys + "}");
}

}  // namespace

TEST_CASE("health checks have their defaults") {
  const Pool usual = pool("");
  CHECK(usual.health_check == HealthCheck{});
  CHECK(usual.resolve_interval == 5s);
  CHECK(usual.ejection == Ejection{});
  CHECK(usual.panic_threshold == 0.3);
}

TEST_CASE("a health check in full") {
  CHECK(health_check("type: http, path: '/up?full=1', host: 'Chat.example.com:8080', expect_status: 204, "
                     "expect_body: 'a \"b\" $$ #', interval: 1m, timeout: 7s, rise: 5, fall: 9, agent_port: 8081") ==
        HealthCheck{Type::kHttp, "/up?full=1", "Chat.example.com:8080", 204, "a \"b\" $ #", 1min, 7s, 5, 9, 8081});
  CHECK(health_check("type: websocket, path: /ws, host: '[::1]'") ==
        HealthCheck{Type::kWebSocket, "/ws", "[::1]", 200, "", 5s, 2s, 2, 3, 0});
  CHECK(health_check("type: tcp").type == Type::kTcp);
}

TEST_CASE("the limits of a health check") {
  CHECK(health_check("interval: 0").interval == 0s);
  CHECK(health_check("interval: 100ms, timeout: 1ms").interval == 100ms);
  CHECK(health_check("interval: 365d, timeout: 365d").timeout == kLongestDuration);
  CHECK(health_check("type: http, expect_status: 100").expect_status == 100);
  CHECK(health_check("type: http, expect_status: 599").expect_status == 599);
  CHECK(health_check("rise: 1, fall: 1000").fall == 1000);
  CHECK(health_check("rise: 1000, fall: 1").rise == 1000);
  CHECK(health_check("agent_port: 65535").agent_port == 65'535);
  CHECK(health_check("type: http, path: /, host: ''").host.empty());
  CHECK(refusal("interval", "99ms") == " must be 0 or between 100ms and 365d, got '99ms'\n");
  CHECK(refusal("interval", "5") == ": '5' has no unit: write for example '5s'\n");
  CHECK(refusal("timeout", "0s") == " must be between 1ms and 365d, got '0s'\n");
  CHECK(refusal("expect_status", "99") == " must be between 100 and 599, got '99'\n");
  CHECK(refusal("expect_status", "600") == " must be between 100 and 599, got '600'\n");
  CHECK(refusal("expect_status", "2xx") == ": expected a whole decimal number, got '2xx'\n");
  for (const char* key : {"rise", "fall"}) {
    CHECK(refusal(key, "0") == " must be between 1 and 1000, got '0'\n");
    CHECK(refusal(key, "1001") == " must be between 1 and 1000, got '1001'\n");
  }
  CHECK(refusal("agent_port", "65536") == " must be between 0 and 65535, got '65536'\n");
  CHECK(refusal("agent_port", "'8081'") == " must be a number, got the string '8081' (leave out the quotes)\n");
}

TEST_CASE("words and texts of a health check") {
  CHECK(refusal("type", "htpp") == " must be one of 'tcp', 'http', 'websocket', got 'htpp'; did you mean 'http'?\n");
  CHECK(refusal("type", "https") == " must be one of 'tcp', 'http', 'websocket', got 'https'; did you mean 'http'?\n");
  for (const std::string path : {"", "health", "/a b", "/a#b", "/\xC3\xBC", "http://a/"})
    CHECK(refusal("path", "'" + path + "'") ==
          ": expected a path such as '/health', percent-encoded, got '" + path + "'\n");
  CHECK(refusal("path", "\"/a\\tb\"") == " must be one line of text, got '/a\\x09b'\n");
  CHECK(refusal("host", "'a b'") == ": 'a b' is neither a host name nor an IPv4 address\n");
  CHECK(refusal("host", "'a:b'") == ": expected a port from 0 to 65535, got 'b'\n");
  CHECK(refusal("host", "'::1'") == ": '::1' is not 'host:port' (an IPv6 address goes in brackets: '[::1]:8080')\n");
  CHECK(complaint("health_check: {paht: /}") ==
        "t:3:16: error: unknown key 'health_check.paht'; did you mean 'path'?\n");
  CHECK(complaint("health_check: {rise: 1, rise: 1}") ==
        "t:3:25: error: duplicate key 'health_check.rise'; the first is in line 3\n");
  CHECK(complaint("health_check: tcp") ==
        "t:3:15: error: 'health_check' must be a map of keys and values, got a value\n");
}

TEST_CASE("an agent is asked as often as probes are made") {
  CHECK(
      complaint("health_check: {interval: 0, agent_port: 8081}") ==
      "t:3:41: error: 'health_check.agent_port' needs 'health_check.interval' above 0: the agent is asked as often\n");
  CHECK(complaint("health_check: {interval: 0, agent_port: 0}").empty());
}

TEST_CASE("keys that the type of the health check does not look at are warned of") {
  const auto idle = [](const std::string& key, unsigned column, const std::string& type) {
    return "t:3:" + std::to_string(column) + ": warning: 'health_check." + key +
           "' has no effect where 'health_check.type' is " + type + "\n";
  };
  CHECK(warning("type: tcp, path: /up") == idle("path", 33, "tcp"));
  CHECK(warning("type: tcp, host: a.b") == idle("host", 33, "tcp"));
  CHECK(warning("type: tcp, expect_status: 204") == idle("expect_status", 42, "tcp"));
  CHECK(warning("type: tcp, expect_body: ok") == idle("expect_body", 40, "tcp"));
  CHECK(warning("type: websocket, expect_status: 204") == idle("expect_status", 48, "websocket"));
  CHECK(warning("type: websocket, expect_body: ok") == idle("expect_body", 46, "websocket"));
  CHECK(warning("type: websocket, path: /up, host: a.b").empty());
  CHECK(warning("type: http, path: /up, host: a.b, expect_status: 204, expect_body: ok").empty());
  // The defaults said in full, as the dump has them, are no mistake; without the type they are one.
  CHECK(warning("type: tcp, path: /health, host: '', expect_status: 200, expect_body: ''").empty());
  CHECK(warning("path: /health") == idle("path", 22, "tcp"));
  CHECK(warning("expect_status: 200") == idle("expect_status", 31, "tcp"));
  // Not on top of an error.
  CHECK(complaint("health_check: {type: htp, path: /up}").find("warning") == std::string::npos);
}

TEST_CASE("a probe that may outlast its interval is warned of") {
  CHECK(warning("interval: 2s, timeout: 2s").empty());
  CHECK(warning("interval: 0, timeout: 1m").empty());
  CHECK(warning("interval: 2s, timeout: 3s") ==
        "t:3:39: warning: 'health_check.timeout' at '3s' is longer than 'health_check.interval' at '2s': a backend "
        "that does not answer is probed less often\n");
  CHECK(warning("interval: 1s").starts_with("t:3:26: warning: 'health_check.timeout' at '2s' is longer than "));
}

TEST_CASE("names are not resolved more often than once a second") {
  CHECK(pool("resolve_interval: 1s").resolve_interval == 1s);
  CHECK(pool("resolve_interval: 1h").resolve_interval == 1h);
  CHECK(complaint("resolve_interval: 999ms") ==
        "t:3:19: error: 'resolve_interval' must be between 1s and 365d, got '999ms'\n");
  CHECK(complaint("resolve_interval: 0") == "t:3:19: error: 'resolve_interval' must be between 1s and 365d, got '0'\n");
}

TEST_CASE("ejection") {
  CHECK(pool("ejection: {failures: 0, base_time: 1ms, max_ejected_percent: 0}").ejection == Ejection{0, 1ms, 0});
  CHECK(pool("ejection: {failures: 1000, base_time: 5m, max_ejected_percent: 100}").ejection ==
        Ejection{1000, 5min, 100});
  const auto refused = [](const std::string& key, const std::string& value, const std::string& message) {
    CHECK(complaint("ejection: {" + key + ": " + value + "}") ==
          "t:3:" + std::to_string(14 + key.size()) + ": error: 'ejection." + key + "'" + message + "\n");
  };
  refused("failures", "1001", " must be between 0 and 1000, got '1001'");
  refused("base_time", "0", " must be between 1ms and 365d, got '0'");
  refused("max_ejected_percent", "101", " must be between 0 and 100, got '101'");
  refused("max_ejected_percent", "50%", ": expected a whole decimal number, got '50%'");
  CHECK(complaint("ejection: {failure: 1}") ==
        "t:3:12: error: unknown key 'ejection.failure'; did you mean 'failures'?\n");
  CHECK(complaint("ejection: {failures: 1, failures: 1}") ==
        "t:3:25: error: duplicate key 'ejection.failures'; the first is in line 3\n");
}

TEST_CASE("the panic threshold is a share") {
  CHECK(pool("panic_threshold: 0%").panic_threshold == 0.0);
  CHECK(pool("panic_threshold: 100%").panic_threshold == 1.0);
  CHECK(pool("panic_threshold: 7%").panic_threshold == 0.07);
  CHECK(pool("panic_threshold: '33.333333333%'").panic_threshold == 0.33333333333);
  for (const std::string text : {"30", "0.3", "101%", "-1%", "half"})
    CHECK(complaint("panic_threshold: " + text) ==
          "t:3:18: error: 'panic_threshold': expected a share from '0%' to '100%', got '" + text + "'\n");
}

TEST_CASE("nameservers are a list of addresses") {
  CHECK(config("nameservers: []").nameservers.empty());
  CHECK(config("nameservers: ['127.0.0.1:8600', 10.0.0.2, '::1', '[::1]:54']").nameservers ==
        std::vector<Endpoint>{{"127.0.0.1", 8600, "127.0.0.1:8600"},
                              {"10.0.0.2", 53, "10.0.0.2"},
                              {"::1", 53, "::1"},
                              {"::1", 54, "[::1]:54"}});
  CHECK(complaint("nameservers: 10.0.0.2") == "t:3:14: error: 'nameservers' must be a list, got a value\n");
  CHECK(complaint("nameservers: [10.0.0.2, ns1]") ==
        "t:3:25: error: 'nameservers[1]': expected the address of a DNS server, such as '10.0.0.2', '127.0.0.1:8600' "
        "or '[::1]:53', got 'ns1'\n");
  CHECK(complaint("nameserver: [10.0.0.2]") == "t:3:1: error: unknown key 'nameserver'; did you mean 'nameservers'?\n");
  CHECK(complaints("listen: ':1'\npools: {a: {backends: ['a:1'], nameservers: []}}\nroutes: [{pool: a}]\n")
            .starts_with("t:2:32: error: unknown key 'pools.a.nameservers'"));
}

TEST_CASE("health keys in a named pool, and in both forms at once") {
  const Loaded loaded = load(
      "listen: ':1'\nroutes: [{pool: chat}]\npools:\n  chat:\n    backends: ['a:1']\n"
      "    health_check: {type: http, path: /up}\n    ejection: {failures: 9}\n    resolve_interval: 30s\n"
      "    panic_threshold: 50%\n");
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  const Pool& chat = loaded.config->pools.at(0);
  CHECK(chat.health_check.path == "/up");
  CHECK(chat.ejection.failures == 9);
  CHECK(chat.resolve_interval == 30s);
  CHECK(chat.panic_threshold == 0.5);
  CHECK(complaints("listen: ':1'\nhealth_check: {rise: 1}\npools: {a: {backends: ['a:1']}}\nroutes: [{pool: a}]\n") ==
        "t:2:1: error: 'health_check' at top level belongs to the pool 'default', which has no 'backends'\n");
}

}  // namespace drover::config
