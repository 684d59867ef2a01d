// policy, choices, score and slow_start: what they take, what they refuse and where, and that the dump keeps them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/hash_key.h"
#include "config/policy_names.h"
#include "loading.h"

namespace drover::config {
namespace {

using namespace std::chrono_literals;
using Source = HashKey::Source;

// The pool "default" of a valid file with `lines` added as line 3 and on; its dump loads to the same.
Pool pool(const std::string& lines) {
  const Loaded loaded = load(kBase + lines + "\n");
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  CHECK(loaded.diagnostics.text().empty());
  const std::string dump = to_yaml(*loaded.config);
  CAPTURE(dump);
  const Loaded again = load(dump);
  REQUIRE_MESSAGE(again.config.has_value(), again.diagnostics.text());
  CHECK(*again.config == *loaded.config);
  CHECK(again.diagnostics.text().empty());
  return loaded.config->pools.at(0);
}

HashKey hash_key(const std::string& text) {
  return pool("policy: {consistent_hash: {key: '" + text + "'}}").consistent_hash.key;
}

std::string complaint(const std::string& line) {
  return complaints(kBase + line + "\n");
}

constexpr std::string_view kPolicies =
    "'health_score', 'least_connections', 'round_robin', 'random_two', 'consistent_hash'";

}  // namespace

TEST_CASE("a policy is one of the list, by its word") {
#define DROVER_POLICY_NAME(name) #name,
  for (const char* name : {DROVER_POLICIES(DROVER_POLICY_NAME)})
    CHECK(pool("policy: " + std::string(name)).policy == name);
#undef DROVER_POLICY_NAME
  CHECK(pool("").policy == "health_score");
  CHECK(pool("policy: consistent_hash").consistent_hash == ConsistentHash{});
  CHECK(complaint("policy: round-robin") == "t:3:9: error: 'policy' must be one of " + std::string(kPolicies) +
                                                ", got 'round-robin'; did you mean 'round_robin'?\n");
  CHECK(complaint("policy: ''") == "t:3:9: error: 'policy' must be one of " + std::string(kPolicies) + ", got ''\n");
  CHECK(complaint("policy: [round_robin]") == "t:3:9: error: 'policy' must be a single value, got a list\n");
}

TEST_CASE("consistent_hash has settings") {
  const Pool both = pool("policy: {consistent_hash: {key: 'query:room', bound: 1.5}}");
  CHECK(both.policy == "consistent_hash");
  CHECK(both.consistent_hash == ConsistentHash{{Source::kQuery, "room", 0}, 1.5});
  CHECK(pool("policy: {consistent_hash: {}}").consistent_hash == ConsistentHash{});
  CHECK(pool("policy: {consistent_hash: {bound: 1}}").consistent_hash.bound == 1.0);
  CHECK(pool("policy: {consistent_hash: {bound: 100}}").consistent_hash.bound == 100.0);
  CHECK(pool("policy:\n  consistent_hash:\n    key: path:2").consistent_hash.key == HashKey{Source::kPath, "", 2});
}

TEST_CASE("the key of consistent_hash in all its forms") {
  CHECK(hash_key("client_ip") == HashKey{});
  CHECK(hash_key("header:X-Room") == HashKey{Source::kHeader, "X-Room", 0});
  CHECK(hash_key("header:!#$$%&*+-.^_`|~9") == HashKey{Source::kHeader, "!#$%&*+-.^_`|~9", 0});
  CHECK(hash_key("cookie:sid") == HashKey{Source::kCookie, "sid", 0});
  CHECK(hash_key("query:room:id%20") == HashKey{Source::kQuery, "room:id%20", 0});
  CHECK(hash_key("path:1") == HashKey{Source::kPath, "", 1});
  CHECK(hash_key("path:64") == HashKey{Source::kPath, "", 64});
  for (const char* text : {"client_ip", "header:a", "cookie:a", "query:a", "path:7"})
    CHECK(format_hash_key(parse_hash_key(text).value()) == text);
}

TEST_CASE("keys of consistent_hash that are refused") {
  const auto refused = [](const std::string& key, const std::string& message) {
    CHECK(complaint("policy: {consistent_hash: {key: '" + key + "'}}") ==
          "t:3:33: error: 'policy.consistent_hash.key': " + message + "\n");
  };
  const std::string expected = "expected 'client_ip', 'header:NAME', 'cookie:NAME', 'query:NAME' or 'path:N', got ";
  refused("", expected + "''");
  refused("room", expected + "'room'");
  refused("client-ip", expected + "'client-ip'; did you mean 'client_ip'?");
  refused("client_ip:4", expected + "'client_ip:4'; did you mean 'client_ip'?");
  refused("qeury:room", expected + "'qeury:room'; did you mean 'query'?");
  refused("Header:X", expected + "'Header:X'; did you mean 'header'?");
  for (const std::string name : {"header", "header:", "header:X Room", "header:X:Room", "header:\xC3\xBC", "header: X"})
    refused(name, "expected 'header:NAME' with the name of a header, got '" + name + "'");
  for (const std::string name : {"cookie", "cookie:", "cookie:a=b", "cookie:a;b"})
    refused(name, "expected 'cookie:NAME' with the name of a cookie, got '" + name + "'");
  for (const std::string name : {"query", "query:", "query:a=b", "query:a&b", "query:a b", "query:a#b"})
    refused(name, "expected 'query:NAME' with the name of a parameter, percent-encoded, got '" + name + "'");
  for (const std::string name : {"path", "path:", "path:0", "path:65", "path:01", "path:-1", "path:room", "path:1.0"})
    refused(name, "expected 'path:N' with a segment from 1 to 64, got '" + name + "'");
}

TEST_CASE("settings of a policy are checked like all maps") {
  const auto refused = [](const std::string& policy, const std::string& message) {
    CHECK(complaint("policy: " + policy) == message + "\n");
  };
  refused("{consistent_hash: {kye: path:1}}",
          "t:3:28: error: unknown key 'policy.consistent_hash.kye'; did you mean 'key'?");
  refused("{consistent_hash: {bound: 2, bound: 2}}",
          "t:3:38: error: duplicate key 'policy.consistent_hash.bound'; the first is in line 3");
  refused("{consistent_hash: {}, consistent_hash: {}}",
          "t:3:31: error: duplicate key 'policy.consistent_hash'; the first is in line 3");
  refused("{consistent_hash: path:1}",
          "t:3:27: error: 'policy.consistent_hash' must be a map of keys and values, got a value");
  refused("{consistent_hash: {key: [a]}}",
          "t:3:33: error: 'policy.consistent_hash.key' must be a single value, got a list");
  refused("{round_robin: {}}", "t:3:10: error: 'policy': 'round_robin' has no settings");
  refused("{health_score: {choices: 2}}", "t:3:10: error: 'policy': 'health_score' has no settings");
  refused("{consistent_hahs: {}}", "t:3:10: error: 'policy' must be one of " + std::string(kPolicies) +
                                       ", got 'consistent_hahs'; did you mean 'consistent_hash'?");
  const std::string one_name = "error: 'policy' must be a policy's name, or a map of one name to its settings";
  refused("{}", "t:3:9: " + one_name);
  refused("{consistent_hash: {}, round_robin: {}}", "t:3:9: " + one_name);
  refused("{[a]: {}}", "t:3:10: error: a key must be a word, got a list");
  refused("{<<: {}}", "t:3:10: error: merge keys ('<<') are not supported; an alias for a whole value is");
  // Variables are expanded in values, never in keys.
  const auto environment = [](std::string_view) { return std::optional<std::string>("round_robin"); };
  CHECK(complaints(kBase + "policy: {'${P}': {}}\n", environment) ==
        "t:3:10: error: 'policy' must be one of " + std::string(kPolicies) + ", got '${P}'\n");
  CHECK(complaints(kBase + "policy: '${P}'\n", environment).empty());
}

TEST_CASE("the bound of consistent_hash") {
  const auto refused = [](const std::string& bound, const std::string& message) {
    CHECK(complaint("policy: {consistent_hash: {bound: " + bound + "}}") ==
          "t:3:35: error: 'policy.consistent_hash.bound'" + message + "\n");
  };
  for (const std::string bound : {"0", "0.999999999", "100.1"})
    refused(bound, " must be between 1 and 100, got '" + bound + "'");
  for (const std::string bound : {"-2", "1e1", ".nan", "0x2", "1.", "125%"})
    refused(bound, ": expected a decimal number such as '0.25', got '" + bound + "'");
  refused("01.5", ": '01.5' has a leading zero; numbers are decimal");
  refused("1.0123456789", ": '1.0123456789' has more than 9 digits on one side");
  refused("'2'", " must be a number, got the string '2' (leave out the quotes)");
}

TEST_CASE("choices are a word or a number") {
  CHECK_FALSE(pool("").choices.has_value());
  CHECK_FALSE(pool("choices: auto").choices.has_value());
  CHECK(pool("choices: all").choices == kAllChoices);
  CHECK(pool("choices: 1").choices == 1u);
  CHECK(pool("choices: 1000").choices == 1000u);
  CHECK(complaint("choices: 0") == "t:3:10: error: 'choices' must be between 1 and 1000, got '0'\n");
  CHECK(complaint("choices: 1001") == "t:3:10: error: 'choices' must be between 1 and 1000, got '1001'\n");
  CHECK(complaint("choices: '2'") ==
        "t:3:10: error: 'choices' must be a number, got the string '2' (leave out the quotes)\n");
  const std::string expected = "t:3:10: error: 'choices' must be 'auto', 'all' or a number from 1 to 1000, got ";
  CHECK(complaint("choices: two") == expected + "'two'\n");
  CHECK(complaint("choices: atuo") == expected + "'atuo'; did you mean 'auto'?\n");
  CHECK(complaint("choices: alll") == expected + "'alll'; did you mean 'all'?\n");
  CHECK(complaint("choices: 2.5") == expected + "'2.5'\n");
  CHECK(complaint("choices: [2]") == "t:3:10: error: 'choices' must be a single value, got a list\n");
}

TEST_CASE("weights of the score") {
  CHECK(pool("").score == Score{});
  CHECK(pool("score: {connections: 0, cpu: 1000, memory: 0.5, latency: 12.5, message_rate: 0.000000001, "
             "latency_reference: 1ms, stale_after: 0}")
            .score == Score{0, 1000, 0.5, 12.5, 1e-9, 1ms, 0ms});
  CHECK(pool("score: {connections: 0, cpu: 0, memory: 0, latency: 0, message_rate: 0.1}").score.message_rate == 0.1);
  for (const std::string name : {"connections", "cpu", "memory", "latency", "message_rate"}) {
    const std::string place = "t:3:" + std::to_string(11 + name.size()) + ": error: 'score." + name + "'";
    CHECK(complaint("score: {" + name + ": 1000.1}") == place + " must be between 0 and 1000, got '1000.1'\n");
    CHECK(complaint("score: {" + name + ": -1}") == place + ": expected a decimal number such as '0.25', got '-1'\n");
    CHECK(complaint("score: {" + name + ": '1'}") ==
          place + " must be a number, got the string '1' (leave out the quotes)\n");
  }
  CHECK(complaint("score: {connections: 0, cpu: 0, memory: 0, latency: 0}") ==
        "t:3:8: error: 'score': every weight is 0, so that no backend is better than another\n");
  CHECK(complaint("score: {latency_reference: 0}") ==
        "t:3:28: error: 'score.latency_reference' must be between 1ms and 365d, got '0'\n");
  CHECK(complaint("score: {stale_after: 30}") ==
        "t:3:22: error: 'score.stale_after': '30' has no unit: write for example '30s'\n");
  CHECK(complaint("score: {cpus: 1}") == "t:3:9: error: unknown key 'score.cpus'; did you mean 'cpu'?\n");
  CHECK(complaint("score: {cpu: 1, cpu: 1}") == "t:3:17: error: duplicate key 'score.cpu'; the first is in line 3\n");
  CHECK(complaint("score: 1") == "t:3:8: error: 'score' must be a map of keys and values, got a value\n");
}

TEST_CASE("slow start") {
  CHECK(pool("").slow_start == 0s);
  CHECK(pool("slow_start: 0").slow_start == 0s);
  CHECK(pool("slow_start: 1m30s").slow_start == 90s);
  CHECK(complaint("slow_start: 30") == "t:3:13: error: 'slow_start': '30' has no unit: write for example '30s'\n");
}

TEST_CASE("the same keys in a named pool") {
  const Loaded loaded = load(
      "listen: ':1'\nroutes: [{pool: chat}]\npools:\n  chat:\n    backends: ['a:1']\n"
      "    policy: {consistent_hash: {key: 'cookie:sid'}}\n    choices: 3\n    score: {cpu: 2}\n    slow_start: 10s\n");
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  const Pool& chat = loaded.config->pools.at(0);
  CHECK(chat.consistent_hash.key == HashKey{Source::kCookie, "sid", 0});
  CHECK(chat.choices == 3u);
  CHECK(chat.score.cpu == 2.0);
  CHECK(chat.slow_start == 10s);
  CHECK(complaints("listen: ':1'\nroutes: [{pool: a}]\npools: {a: {backends: ['a:1'], policy: {consistent_hash: "
                   "{bound: 0}}}}\n") ==
        "t:3:66: error: 'pools.a.policy.consistent_hash.bound' must be between 1 and 100, got '0'\n");
}

}  // namespace drover::config
