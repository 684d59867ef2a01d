// What is refused: each with its message and its place.
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "loading.h"

namespace drover::config {
namespace {

struct Case {
  std::string text;
  std::string expected;  // all diagnostics
};

void check(std::initializer_list<Case> cases) {
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(complaints(each.text) == each.expected);
    CHECK_FALSE(load(each.text).config.has_value());
  }
}

// The one complaint about `line`, added to a valid file as line 3.
std::string complaint(const std::string& line) {
  return complaints(kBase + line + "\n");
}

}  // namespace

TEST_CASE("unknown keys are suggested their neighbours, at every level") {
  CHECK(complaints("lisen: ':8080'\nlisten: ':8081'\nbackends: ['a:1']\n") ==
        "t:1:1: error: unknown key 'lisen'; did you mean 'listen'?\n");
  CHECK(complaint("limits: {max_conections: 1}") ==
        "t:3:10: error: unknown key 'limits.max_conections'; did you mean 'max_connections'?\n");
  CHECK(complaint("timeouts: {conect: 1s}") ==
        "t:3:12: error: unknown key 'timeouts.conect'; did you mean 'connect'?\n");
  CHECK(complaint("ping: {backend: 1s}") == "t:3:8: error: unknown key 'ping.backend'; did you mean 'backends'?\n");
  CHECK(complaint("frobnicate: 1") == "t:3:1: error: unknown key 'frobnicate'\n");
  CHECK(complaint("'a\\n\xC3\xBC': 1") == "t:3:1: error: unknown key 'a\\n\xC3\xBC'\n");
  check({{"listen: ':1'\npools: {chat: {backends: [{adress: 'a:1'}]}}\nroutes: [{pool: chat}]\n",
          "t:2:27: error: 'pools.chat.backends[0]' has no 'address'\n"
          "t:2:28: error: unknown key 'pools.chat.backends[0].adress'; did you mean 'address'?\n"}});
}

TEST_CASE("all errors of a file at once, in its order") {
  CHECK(
      complaints("workers: 0\nlisten: ':x'\nbackends: ['a:1', 'a:1']\nattempts: none\nlog: {level: warm}\n") ==
      "t:1:10: error: 'workers' must be between 1 and 1024, got '0'\n"
      "t:2:9: error: 'listen': expected a port from 0 to 65535, got 'x'\n"
      "t:3:19: error: duplicate backend address 'a:1'; the first is backends[0]\n"
      "t:4:11: error: 'attempts': expected a whole decimal number, got 'none'\n"
      "t:5:14: error: 'log.level' must be one of 'debug', 'info', 'warn', 'error', got 'warm'; did you mean 'warn'?\n");
}

TEST_CASE("errors without end are cut off") {
  std::string text = kBase;
  for (int i = 0; i < 10'000; ++i) text += "unknown" + std::to_string(i) + ": 1\n";
  const std::string all = complaints(text);
  CHECK(std::ranges::count(all, '\n') == 201);
  CHECK(all.starts_with("t: error: more than 200 errors; these are the first\nt:3:1: error: unknown key 'unknown0'\n"));
}

TEST_CASE("duplicate keys, merge keys and keys that are no words") {
  CHECK(complaint("attempts: 1\nattempts: 2") == "t:4:1: error: duplicate key 'attempts'; the first is in line 3\n");
  CHECK(complaint("log: {level: info, level: warn}") ==
        "t:3:20: error: duplicate key 'log.level'; the first is in line 3\n");
  check({{"listen: ':1'\npools: {a: {backends: ['a:1']}, a: {backends: ['b:1']}}\nroutes: [{pool: a}]\n",
          "t:2:33: error: duplicate key 'pools.a'; the first is in line 2\n"}});
  CHECK(complaint("log:\n  <<: {level: info}") ==
        "t:4:3: error: merge keys ('<<') are not supported; an alias for a whole value is\n");
  CHECK(complaint("? [a]\n: 1") == "t:3:3: error: a key must be a word, got a list\n");
}

TEST_CASE("keys and values of later versions are refused by name") {
  for (const char* key : {"forwarded", "source_addresses"})
    CHECK(complaint(key + std::string(": {whatever: 1}")) ==
          "t:3:1: error: key '" + std::string(key) + "' is not implemented in this version\n");
  const auto nested = [](const std::string& section, const std::string& key) {
    CHECK(complaint(section + ": {" + key + ": 0}") == "t:3:" + std::to_string(section.size() + 4) + ": error: key '" +
                                                           section + "." + key +
                                                           "' is not implemented in this version\n");
  };
  for (const char* key : {"max_connections_per_ip", "handshakes_per_second", "handshakes_in_flight", "wait",
                          "max_buffered", "messages_per_second", "bytes_per_second", "over_rate"})
    nested("limits", key);
  for (const char* key : {"policy", "coalesce_key"}) nested("slow_client", key);
  check({{"listeners: [{bind: ':1', proxy_protocol: {}}]\nbackends: ['a:1']\n",
          "t:1:26: error: key 'listeners[0].proxy_protocol' is not implemented in this version\n"},
         {"listen: ':1'\npools: {chat: {backends: ['a:1'], slow_client: {policy: drop}}}\nroutes: [{pool: chat}]\n",
          "t:2:49: error: key 'pools.chat.slow_client.policy' is not implemented in this version\n"}});
}

TEST_CASE("wrong kinds") {
  check({{"- a\n", "t:1:1: error: the file must be a map of keys and values, got a list\n"},
         {"text\n", "t:1:1: error: the file must be a map of keys and values, got a value\n"}});
  CHECK(complaint("workers: [1]") == "t:3:10: error: 'workers' must be a single value, got a list\n");
  CHECK(complaint("workers:") == "t:3:1: error: 'workers' must be a single value, got nothing\n");
  CHECK(complaint("workers: '1'") ==
        "t:3:10: error: 'workers' must be a number, got the string '1' (leave out the quotes)\n");
  CHECK(complaint("workers: 010") == "t:3:10: error: 'workers': '010' has a leading zero; numbers are decimal\n");
  CHECK(complaint("limits: 5") == "t:3:9: error: 'limits' must be a map of keys and values, got a value\n");
  CHECK(complaint("routes: {a: b}") == "t:3:9: error: 'routes' must be a list, got a map\n");
  CHECK(complaint("routes: [a]").starts_with("t:3:10: error: 'routes[0]' must be a map"));
  CHECK(complaint("trusted_proxies: 10.0.0.0/8") == "t:3:18: error: 'trusted_proxies' must be a list, got a value\n");
  CHECK(complaint("trusted_proxies: [[]]") ==
        "t:3:19: error: 'trusted_proxies[0]' must be a single value, got a list\n");
  CHECK(complaint("pools: [a]") == "t:3:8: error: 'pools' must be a map, got a list\n");
  CHECK(complaint("timeouts: {idle: ~}") == "t:3:12: error: 'timeouts.idle' must be a single value, got nothing\n");
  CHECK(complaint("routes: [{pool: default, strip_prefix: yes}]") ==
        "t:3:40: error: 'routes[0].strip_prefix': expected true or false, got 'yes'\n");
  check({{"listen: {}\nbackends: x\n",
          "t:1:9: error: 'listen' must be a single value or a list, got a map\n"
          "t:2:11: error: 'backends' must be a list, got a value\n"}});
}

TEST_CASE("listeners") {
  check({{"backends: ['a:1']\n", "t: error: no listener: set 'listen' or 'listeners'\n"},
         {"listen: []\nbackends: ['a:1']\n", "t:1:9: error: 'listen' is empty\n"},
         {"listen: 8080\nbackends: ['a:1']\n",
          "t:1:9: error: 'listen': '8080' has no port; expected 'host:port' or ':port'\n"},
         {"listen: ':1'\nlisteners: [{bind: ':2'}]\nbackends: ['a:1']\n",
          "t:2:12: error: both 'listen' and 'listeners'; use one of them\n"},
         {"listeners: [{}]\nbackends: ['a:1']\n", "t:1:13: error: 'listeners[0]' has no 'bind'\n"},
         {"listeners: [{bind: ':80', shared: both}]\nbackends: ['a:1']\n",
          "t:1:35: error: 'listeners[0].shared': expected true or false, got 'both'\n"},
         {"listeners: [{bind: ':80'}, {bind: '10.0.0.1:80'}]\nbackends: ['a:1']\n",
          "t:1:35: error: 'listeners[1].bind' at '10.0.0.1:80' collides with 'listeners[0].bind' at ':80'\n"},
         {"listen: [':1', ':1']\nbackends: ['a:1']\n",
          "t:1:16: error: 'listen[1]' at ':1' collides with 'listen[0]' at ':1'\n"}});
  CHECK(complaint("admin: {bind: '127.0.0.1:8080'}") ==
        "t:3:15: error: 'admin.bind' at '127.0.0.1:8080' collides with 'listen' at ':8080'\n");
  CHECK(complaints("listen: ':9900'\nbackends: ['a:1']\n") ==
        "t: error: 'admin.bind' at '127.0.0.1:9900' collides with 'listen' at ':9900'\n");
}

TEST_CASE("pools and backends") {
  check(
      {{"listen: ':1'\n", "t: error: no backends: set 'backends' or 'pools'\n"},
       {"listen: ':1'\nbackends: []\n", "t:2:11: error: 'backends' is empty\n"},
       {"listen: ':1'\npools: {}\n", "t:2:8: error: 'pools' is empty\n"},
       {"listen: ':1'\npools: {chat: {}}\nroutes: [{pool: chat}]\n", "t:2:15: error: 'pools.chat' has no 'backends'\n"},
       {"listen: ':1'\nbackends: ['a:1']\npools: {default: {backends: ['b:1']}}\n",
        "t:2:1: error: 'backends' at top level belongs to the pool 'default', which 'pools' has too; use one form for "
        "it\n"},
       {"listen: ':1'\npolicy: round_robin\npools: {chat: {backends: ['b:1']}}\nroutes: [{pool: chat}, {pool: "
        "default}]\n",
        "t:2:1: error: 'policy' at top level belongs to the pool 'default', which has no 'backends'\n"},
       {"listen: ':1'\nlimits: {max_message_size: 1B}\npools: {default: {backends: ['b:1']}}\n",
        "t:2:10: error: 'limits.max_message_size' at top level belongs to the pool 'default', which 'pools' has too; "
        "use one form for it\n"},
       {"listen: ':1'\nping: {clients: 1m}\npools: {chat: {backends: ['b:1']}}\nroutes: [{pool: chat}]\n",
        "t:2:1: error: 'ping' at top level belongs to the pool 'default', which has no 'backends'\n"},
       {"listen: ':1'\nbackends: [':9000', 'a:0', {name: x}, {name: 'a b', address: 'b:1'}]\n",
        "t:2:12: error: 'backends[0]' must be 'host:port' with a host and a port above 0, got ':9000'\n"
        "t:2:21: error: 'backends[1]' must be 'host:port' with a host and a port above 0, got 'a:0'\n"
        "t:2:28: error: 'backends[2]' has no 'address'\n"
        "t:2:46: error: 'a b' is no name: up to 64 letters, digits and characters of '._-:[]'\n"},
       {"listen: ':1'\nbackends: ['A:1', 'a:1', {name: x, address: 'b:1'}, {name: x, address: 'c:1'}]\n",
        "t:2:19: error: duplicate backend address 'a:1'; the first is backends[0]\n"
        "t:2:53: error: duplicate backend name 'x'; the first is backends[2]\n"},
       {"listen: ':1'\nbackends: [{address: 'a:1', weight: 0}, {address: 'b:1', weight: 1001, max_connections: "
        "4294967296}]\n",
        "t:2:37: error: 'backends[0].weight' must be between 1 and 1000, got '0'\n"
        "t:2:66: error: 'backends[1].weight' must be between 1 and 1000, got '1001'\n"
        "t:2:89: error: 'backends[1].max_connections' must be between 0 and 4294967295, got '4294967296'\n"},
       {"listen: ':1'\npools: {'a/b': {backends: ['a:1']}}\nroutes: [{pool: a/b}]\n",
        "t:2:9: error: 'a/b' is no name: up to 64 letters, digits and characters of '._-:[]'\n"}});
}

TEST_CASE("routes") {
  check({{"listen: ':1'\npools: {chat: {backends: ['a:1']}}\n",
          "t: error: no 'routes', and no pool 'default' to send everything to\n"},
         {"listen: ':1'\npools: {chat: {backends: ['a:1']}}\nroutes: [{match: {path: /a}, pool: chat}, {pool: chta}]\n",
          "t:3:50: error: 'routes[1].pool': no pool 'chta'; did you mean 'chat'?\n"},
         {kBase + "routes: [{match: {path: ws}, pool: default}]\n",
          "t:3:25: error: 'routes[0].match.path': expected a path such as '/ws', percent-encoded and without query, "
          "got 'ws'\n"},
         {kBase + "routes: [{match: {host: '*.a.b'}, pool: default}]\n",
          "t:3:25: error: 'routes[0].match.host': '*.a.b' is neither a host name nor an IPv4 address\n"},
         {kBase + "routes: [{pool: default, strip_prefix: true}]\n",
          "t:3:40: error: 'routes[0].strip_prefix' needs a 'match.path' to strip\n"},
         {kBase + "routes: [{pool: default, allowed_origins: ['*']}]\n",
          "t:3:44: error: 'routes[0].allowed_origins[0]': expected an origin such as 'https://chat.example.com' or "
          "'https://*.example.com', got '*'\n"},
         {kBase + "routes: [{match: {}}]\n", "t:3:10: error: 'routes[0]' has no 'pool'\n"}});
  for (const char* path : {"'/a?b'", "'/a#b'", "'/a b'", "'/\xC3\xBC'", "''"})
    CHECK(complaint("routes: [{match: {path: " + std::string(path) + "}, pool: default}]")
              .starts_with("t:3:25: error: 'routes[0].match.path': expected a path"));
}

TEST_CASE("ranges and units") {
  for (const char* key : {"connect", "upgrade", "close"})
    CHECK(complaint("timeouts: {" + std::string(key) + ": 0}").find("' must be between 1ms and 365d, got '0'") !=
          std::string::npos);
  CHECK(complaint("timeouts: {idle: 0, stalled_write: 0}").empty());
  CHECK(complaint("ping: {timeout: 0s}") == "t:3:17: error: 'ping.timeout' must be between 1ms and 365d, got '0s'\n");
  for (const char* key : {"clients", "backends", "timeout"})
    CHECK(complaint("ping: {" + std::string(key) + ": 30}").find("'30' has no unit") != std::string::npos);
  CHECK(complaint("ping: 30s") == "t:3:7: error: 'ping' must be a map of keys and values, got a value\n");
  CHECK(complaint("limits: {max_fragments: 4294967296}") ==
        "t:3:25: error: 'limits.max_fragments' must be between 0 and 4294967295, got '4294967296'\n");
  CHECK(complaint("timeouts: {idle: 5}") ==
        "t:3:18: error: 'timeouts.idle': '5' has no unit: write for example '5s'\n");
  CHECK(complaint("limits: {head_timeout: 0s}") ==
        "t:3:24: error: 'limits.head_timeout' must be between 1ms and 365d, got '0s'\n");
  CHECK(complaint("limits: {max_head_size: 2MiB}") ==
        "t:3:25: error: 'limits.max_head_size' must be between 256B and 1MiB, got '2MiB'\n");
  CHECK(complaint("limits: {max_head_size: 16}").find("has no unit") != std::string::npos);
  CHECK(complaint("limits: {max_headers: 0}").find("between 1 and 10000") != std::string::npos);
  CHECK(complaint("attempts: 0").find("between 1 and 100") != std::string::npos);
  CHECK(complaint("slow_client: {max_queued: 0}").find("between 1KiB and 1GiB") != std::string::npos);
  CHECK(complaint("shutdown: {pace: 0/s}").find("must be 'auto' or between 0.01/s and 1000000/s") != std::string::npos);
  CHECK(complaint("shutdown: {pace: 20}").find("expected a rate such as '200/s'") != std::string::npos);
  CHECK(complaint("shutdown: {deadline: 0}").find("between 1ms and 365d") != std::string::npos);
  CHECK(complaint("trusted_proxies: [10.0.0.0/40]").find("prefix length from 0 to 32") != std::string::npos);
}

TEST_CASE("the access log is a word or a path") {
  CHECK(complaint("log: {access: stdot}") ==
        "t:3:15: error: 'log.access' must be 'stdout', 'stderr', 'off' or a path with a '/', got 'stdot'; "
        "did you mean 'stdout'?\n");
  // The last two spell the folder itself; a dump would have it with a slash at its end.
  for (const std::string folder : {"/var/log/", "./", "/", "/var/log/.", "logs/.."})
    CHECK(complaint("log: {access: " + folder + "}") ==
          "t:3:15: error: 'log.access': expected the path of a file, got '" + folder + "'\n");
}

TEST_CASE("a path has at most 4095 bytes, with the folder where it starts") {
  const auto access = [](const std::string& path) {
    return load_text(kBase + "log: {access: " + path + "}\n", "/etc/drover/t", no_environment).diagnostics.text();
  };
  const std::string folder = "/etc/drover/";
  const std::string fits = "a/" + std::string(4095 - folder.size() - 2, 'x');
  CHECK(access(folder + fits).empty());
  CHECK(access(fits).empty());
  for (const std::string& path : {fits + "x", folder + fits + "x", "/" + std::string(100'000, 'x')})
    CHECK(access(path).starts_with(
        "/etc/drover/t:3:15: error: 'log.access': expected a path of at most 4095 bytes, with the folder where it "
        "starts, got '"));
}

}  // namespace drover::config
