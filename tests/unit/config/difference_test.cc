// What is said of a change, for each kind of change; and that no key can change without a word.
#include "config/difference.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "loading.h"

namespace drover::config {
namespace {

using Json = nlohmann::ordered_json;
using Lines = std::vector<std::string>;

Config valid(const std::string& text) {
  auto loaded = load(text);
  REQUIRE_MESSAGE(loaded.config, text, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

Lines between(const std::string& before, const std::string& after) {
  return differences(valid(before), valid(after));
}

// Of lines added to the short form.
Lines added(const std::string& before, const std::string& after) {
  return between(kBase + before + "\n", kBase + after + "\n");
}

std::string listeners(const std::string& list) {
  return "listeners: [" + list + "]\nbackends: ['a:1']\n";
}

std::string pools(const std::string& map) {
  return "listen: ':8080'\npools: {main: {backends: ['m:1']}, " + map + "}\nroutes: [{pool: main}]\n";
}

std::string backends(const std::string& list) {
  return pools("chat: {backends: [" + list + "]}");
}

std::string routes(const std::string& list) {
  return "listen: ':8080'\npools: {a: {backends: ['a:1']}, b: {backends: ['b:1']}}\nroutes: [" + list + "]\n";
}

// Every section, and every list with more than one item where it may have that.
const std::string kRich = R"(
workers: 1
listeners:
  - {bind: ":8080", health_path: /-/ready, shared: true}
  - bind: ":8443"
    tls: {certificates: [{cert: /c/rsa.pem, key: /c/rsa.key, ocsp: /c/rsa.der}, {cert: /c/ec.pem, key: /c/ec.key}],
          client_ca: /c/ca.pem}
trusted_proxies: ["10.0.0.0/8", "::1"]
nameservers: ["127.0.0.1:8600", "::1"]
routes:
  - {match: {host: chat.example.com, path: /ws, websocket: true}, pool: chat, strip_prefix: true,
     allowed_origins: ["https://a.example", "https://b.example"]}
  - {match: {path: /o}, pool: other}
pools:
  chat:
    backends:
      - {name: web-1, address: "web-1:8080", weight: 3, max_connections: 500}
      - {address: "web-2:8080", tls: {server_name: web.example, ca: /c/ca.pem, crl: /c/crl.pem}}
    policy: {consistent_hash: {key: "query:room", bound: 1.5}}
    choices: 7
    health_check: {type: http, host: a}
    migration: {endpoint: "wss://a/b"}
  other: {backends: ["o:1", "o:2"]}
admin: {bind: "127.0.0.1:9900", hosts: [a, b]}
probes: {bind: "127.0.0.1:9901"}
)";

// Values of every kind that the format has; one of them will do for each key.
const std::vector<Json> kValues = {Json(true),     Json(false),
                                   Json(1),        Json(2),
                                   Json(9),        Json(1000),
                                   Json(204),      Json(1.75),
                                   "1s",           "3s",
                                   "20s",          "1h",
                                   "2KiB",         "17/s",
                                   "17%",          "off",
                                   "always",       "all",
                                   "move",         "assume",
                                   "1.3",          "websocket",
                                   "reject",       "debug",
                                   "text",         "least_connections",
                                   "path:3",       "/other",
                                   "other",        "chat",
                                   "zz.example",   "zz:1",
                                   "127.0.0.1:77", "10.9.0.0/16",
                                   "wss://zz",     "https://zz.example"};

// Whether `changed` loads to another configuration; then there are lines both ways.
bool has_lines_if_it_loads(const Config& config, const Json& changed) {
  const auto loaded = load(changed.dump());
  if (!loaded.config || *loaded.config == config) return false;
  CHECK_FALSE(differences(config, *loaded.config).empty());
  CHECK_FALSE(differences(*loaded.config, config).empty());
  return true;
}

}  // namespace

TEST_CASE("between equal configurations there is nothing, whatever their files and their form") {
  const Config config = valid(kRich);
  CHECK(differences(config, config).empty());
  Config elsewhere = config;
  elsewhere.file = "elsewhere";
  CHECK(differences(config, elsewhere).empty());
  CHECK(differences(config, valid(to_yaml(config))).empty());
  CHECK(between(kBase,
                "listeners: [{bind: ':8080'}]\npools: {default: {backends: ['127.0.0.1:9001', "
                "{name: '127.0.0.1:9002', address: '127.0.0.1:9002'}]}}\n")
            .empty());
}

TEST_CASE("no key changes without a line") {
  const Config config = valid(kRich);
  const Json dump = Json::parse(to_json(config));
  REQUIRE(valid(dump.dump()) == config);
  std::size_t keys = 0;
  const Json flat = dump.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    CAPTURE(pointer);
    // Tokens are wanted longer, and one needs the other; a list without items is no value of its own.
    if (pointer.find("token") != std::string::npos && !pointer.ends_with("on_invalid_token")) continue;
    if (value.is_null()) continue;
    ++keys;
    const auto changes = [&](const Json& other) {
      Json next = dump;
      next[Json::json_pointer(pointer)] = other;
      return has_lines_if_it_loads(config, next);
    };
    CHECK_MESSAGE(std::ranges::any_of(kValues, changes), "no value fits");
  }
  CHECK(keys > 100);
}

TEST_CASE("no list gets shorter, longer or another order without a line") {
  const Config config = valid(kRich);
  const Json dump = Json::parse(to_json(config));
  for (const char* pointer :
       {"/listeners", "/listeners/1/tls/certificates", "/trusted_proxies", "/nameservers", "/routes",
        "/routes/0/allowed_origins", "/pools/chat/backends", "/pools/other/backends", "/admin/hosts"}) {
    CAPTURE(pointer);
    const Json::json_pointer place(pointer);
    REQUIRE(dump[place].size() == 2);
    Json shorter = dump;
    shorter[place].erase(0);
    CHECK(has_lines_if_it_loads(config, shorter));
    Json turned = dump;
    std::swap(turned[place][0], turned[place][1]);
    CHECK(has_lines_if_it_loads(config, turned));
  }
  Config turned = config;
  std::swap(turned.pools[0], turned.pools[1]);
  CHECK(differences(config, turned) == Lines{"the order of the pools is changed"});
}

TEST_CASE("plain values") {
  CHECK(added("limits: {max_connections: 1000}", "limits: {max_connections: 2000}") ==
        Lines{"limits.max_connections 1000 -> 2000"});
  CHECK(added("", "ping: {clients: 1m}\nshutdown: {pace: 5/s}") ==
        Lines{"pool default: ping.clients 30s -> 1m", "shutdown.pace auto -> 5/s"});
  CHECK(added("", "admin: {bind: ''}\nlog: {access: '/a$$b', format: text}") ==
        Lines{R"(admin.bind "127.0.0.1:9900" -> "")", R"(log.access "stdout" -> "/a$b")", "log.format json -> text"});
  CHECK(added("workers: 1", "workers: auto\nreload_wait: 0") == Lines{"workers 1 -> auto", "reload_wait 10s -> 0s"});
  CHECK(added("", "policy: {consistent_hash: {bound: 2}}") ==
        Lines{R"(pool default: policy health_score -> {consistent_hash: {key: "client_ip", bound: 2}})"});
  CHECK(added("policy: consistent_hash", "policy: {consistent_hash: {key: 'path:1'}}") ==
        Lines{R"(pool default: policy.consistent_hash.key "client_ip" -> "path:1")"});
}

TEST_CASE("lists of values") {
  CHECK(added("trusted_proxies: ['10.0.0.0/8', '::1']", "trusted_proxies: ['::1', '10.1.0.0/16']") ==
        Lines{R"(trusted_proxies: "10.1.0.0/16" is added)", R"(trusted_proxies: "10.0.0.0/8" is removed)"});
  CHECK(added("nameservers: [10.0.0.1, 10.0.0.2]", "nameservers: [10.0.0.2, 10.0.0.1]") ==
        Lines{"nameservers: the order is changed"});
}

TEST_CASE("of a secret it is only said that it changed") {
  const std::string first = "0123456789abcdef";
  const std::string second = "fedcba9876543210";
  const auto secret = [](const std::string& token, const std::string& secrets) {
    return "admin: {token: '" + token + "'}\nresume: {secrets: [" + secrets + "]}";
  };
  CHECK(added(secret(first, first), secret(second, second)) ==
        Lines{"resume.secrets are changed", "admin.token is changed"});
  CHECK(added(secret("", ""), secret(first, first)) == Lines{"resume.secrets are changed", "admin.token is changed"});
  CHECK(added(secret(first, first), secret("", "")) == Lines{"resume.secrets are changed", "admin.token is changed"});
  CHECK(added(secret(first, first + ", " + second), secret(first, second + ", " + first)) ==
        Lines{"resume.secrets are changed"});
  CHECK(added(secret(first, first), secret(first, first)).empty());
  CHECK(added("admin: {token: " + first + ", load_token: " + second + "}",
              "admin: {token: " + first + ", load_token: x" + second + "}") == Lines{"admin.load_token is changed"});
}

TEST_CASE("listeners") {
  CHECK(between(listeners("{bind: ':80'}, {bind: ':81'}"), listeners("{bind: ':82'}, {bind: ':81', shared: true}")) ==
        Lines{R"(listener ":82" is opened)", R"(listener ":81": shared false -> true)", R"(listener ":80" is closed)"});
  CHECK(between(listeners("{bind: ':80'}, {bind: ':81'}"), listeners("{bind: ':81'}, {bind: ':80'}")) ==
        Lines{"the order of the listeners is changed"});
  const std::string tls = "{certificates: [{cert: /a, key: /b}]}";
  CHECK(between(listeners("{bind: ':80'}"), listeners("{bind: ':80', tls: " + tls + "}")) ==
        Lines{R"(listener ":80": tls is added: {certificates: [{cert: "/a", key: "/b", ocsp: ""}], )"
              R"(min_version: "1.2", client_ca: ""})"});
  CHECK(between(listeners("{bind: ':80', tls: " + tls + "}"), listeners("{bind: ':80'}")) ==
        Lines{R"(listener ":80": tls is removed)"});
  // Two of port 0 are two.
  CHECK(between(listeners("{bind: ':0'}"), listeners("{bind: ':0'}, {bind: ':0'}")) ==
        Lines{R"(listener ":0" is opened)"});
}

TEST_CASE("certificates") {
  const auto with = [](const std::string& certificates, const std::string& version) {
    return listeners("{bind: ':80', tls: {certificates: [" + certificates + "], min_version: " + version + "}}");
  };
  CHECK(between(with("{cert: /a, key: /x}, {cert: /b, key: /y}", "1.2"),
                with("{cert: /c, key: /z}, {cert: /a, key: /y}", "1.3")) ==
        Lines{R"(listener ":80": tls.certificates: "/c" is added)",
              R"(listener ":80": tls.certificates: "/a": key "/x" -> "/y")",
              R"(listener ":80": tls.certificates: "/b" is removed)",
              R"(listener ":80": tls.min_version "1.2" -> "1.3")"});
  CHECK(between(with("{cert: /a, key: /x}, {cert: /b, key: /y}", "1.2"),
                with("{cert: /b, key: /y}, {cert: /a, key: /x}", "1.2")) ==
        Lines{R"(listener ":80": tls.certificates: the order is changed)"});
}

TEST_CASE("backends are known by name and address") {
  const std::string web1 = "{name: web-1, address: '10.0.1.10:8080'}";
  CHECK(between(backends(web1), backends(web1 + ", {name: web-3, address: '10.0.1.12:8080'}, 'c:1'")) ==
        Lines{"pool chat: backend web-3 (10.0.1.12:8080) is added", "pool chat: backend c:1 is added"});
  CHECK(between(backends(web1 + ", 'c:1'"), backends("'c:1'")) ==
        Lines{"pool chat: backend web-1 (10.0.1.10:8080) is removed: its sessions are drained"});
  CHECK(between(backends(web1), backends("{name: web-1, address: '10.0.1.11:8080'}")) ==
        Lines{"pool chat: backend web-1 (10.0.1.11:8080) is added",
              "pool chat: backend web-1 (10.0.1.10:8080) is removed: its sessions are drained"});
  CHECK(between(backends("{address: 'c:1', weight: 1}"), backends("{address: 'c:1', weight: 2, tls: {}}")) ==
        Lines{"pool chat: backend c:1: weight 1 -> 2",
              R"(pool chat: backend c:1: tls is added: {verify: true, server_name: "", ca: "", crl: ""})"});
  CHECK(between(backends("{name: web-2, address: 'c:1', tls: {}}"),
                backends("{name: web-2, address: 'c:1', tls: {ca: /ca.pem}}")) ==
        Lines{R"(pool chat: backend web-2: tls.ca "" -> "/ca.pem")"});
  CHECK(between(backends("'c:1', 'd:1'"), backends("'d:1', 'c:1'")) ==
        Lines{"pool chat: the order of its backends is changed"});
}

TEST_CASE("pools are known by their names") {
  CHECK(
      between(
          pools("old: {backends: ['a:1']}, same: {backends: ['b:1']}"),
          pools(
              "new: {backends: ['a:1']}, pair: {backends: ['c:1', 'd:1']}, same: {backends: ['b:1'], attempts: 9}")) ==
      Lines{"pool new is added: 1 backend", "pool pair is added: 2 backends", "pool same: attempts 3 -> 9",
            "pool old is removed: its sessions are drained"});
}

TEST_CASE("routes are known by what they match") {
  CHECK(between(routes("{match: {path: /a}, pool: a}, {pool: b}"),
                routes("{match: {path: /a}, pool: b}, {match: {host: x.y, path: /c, websocket: true}, pool: a}, "
                       "{pool: b}")) == Lines{"routes are changed", R"(route /a: pool "a" -> "b")",
                                              "route x.y/c (websocket: true) to pool a is added as routes[1]"});
  CHECK(between(routes("{match: {path: /a}, pool: a}, {match: {websocket: false}, pool: a}, {pool: b}"),
                routes("{match: {path: /a}, pool: a}, {pool: b}")) ==
        Lines{"routes are changed", "route * (websocket: false) to pool a is removed"});
  CHECK(between(routes("{match: {path: /a}, pool: a}, {match: {path: /b}, pool: a}, {match: {path: /c}, pool: b}"),
                routes("{match: {path: /c}, pool: b}, {match: {path: /a}, pool: a}, {match: {path: /b}, pool: a}")) ==
        Lines{"routes are changed", "route /c is moved: routes[2] -> routes[0]"});
  CHECK(between(
            routes("{match: {path: /a}, pool: a}, {pool: b}"),
            routes("{match: {path: /a}, pool: a, strip_prefix: true, allowed_origins: ['https://c.d']}, {pool: b}")) ==
        Lines{"routes are changed", "route /a: strip_prefix false -> true",
              R"(route /a: allowed_origins: "https://c.d" is added)"});
}

TEST_CASE("the lines are in the order of the file") {
  CHECK(between(
            "workers: 1\n" + listeners("{bind: ':1'}"),
            "workers: 2\nlimits: {max_headers: 5}\nslow_start: 1s\nlog: {level: warn}\n" + listeners("{bind: ':2'}")) ==
        Lines{"workers 1 -> 2", R"(listener ":2" is opened)", R"(listener ":1" is closed)",
              "pool default: slow_start 0s -> 1s", "limits.max_headers 100 -> 5", "log.level info -> warn"});
}

TEST_CASE("the number of workers needs a restart, and nothing else does") {
  const auto refused = [](const std::string& before, const std::string& after) {
    return not_live(valid(kBase + before), valid(kBase + after));
  };
  CHECK(refused("", "workers: 4\n") == Lines{"workers: auto -> 4 needs a restart"});
  CHECK(refused("workers: 1\n", "") == Lines{"workers: 1 -> auto needs a restart"});
  CHECK(refused("workers: 2\n", "workers: 1\n") == Lines{"workers: 2 -> 1 needs a restart"});
  CHECK(refused("workers: 2\n", "workers: 2\nlimits: {max_connections: 1}\n").empty());
  CHECK(not_live(valid(kRich), valid(kBase + "workers: 1\n")).empty());
}

}  // namespace drover::config
