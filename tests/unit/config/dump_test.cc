// The effective configuration as text: it loads to itself in both spellings, which say the same, and has no secrets.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

#include "config/document.h"
#include "loading.h"

namespace drover::config {
namespace {

using Json = nlohmann::ordered_json;

const std::string kToken = "0123456789abcdef";

Config valid(const std::string& text) {
  auto loaded = load(text);
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

// What `json` has to be if the YAML says `node`, number and flag apart from text.
Json meant(const Node& node, const Json& json) {
  if (node.kind == NodeKind::kScalar) {
    if (json.is_string() || node.quoted) return node.text;
    return Json::parse(node.text);
  }
  if (node.kind == NodeKind::kList) {
    auto list = Json::array();
    for (std::size_t index = 0; index < node.items.size(); ++index)
      list.push_back(meant(*node.items[index], index < json.size() ? json[index] : Json()));
    return list;
  }
  auto map = Json::object();
  for (const Entry& entry : node.entries)
    map[entry.key->text] = meant(*entry.value, json.value(entry.key->text, Json()));
  return map;
}

// Both spellings of `config` load to it, and have the same keys in the same order with the same values.
void check_dumps(const Config& config) {
  const std::string yaml = to_yaml(config);
  const std::string json = to_json(config);
  CAPTURE(yaml);
  CAPTURE(json);
  for (const std::string& dump : {yaml, json}) {
    const auto again = load(dump);
    REQUIRE_MESSAGE(again.config, again.diagnostics.text());
    CHECK(*again.config == config);
  }
  const auto tree = parse_document(yaml);
  REQUIRE(tree);
  const Json parsed = Json::parse(json);
  CHECK(meant(**tree, parsed) == parsed);
}

const std::string kEverything = R"(
workers: 1
listeners:
  - {bind: "127.0.0.1:8080", health_path: /-/ready}
  - {bind: "[::1]:8080", shared: true}
  - bind: ":8443"
    tls: {certificates: [{cert: "/c $$/rsa.pem", key: rsa.key, ocsp: rsa.der}, {cert: ec.pem, key: ec.key}],
          min_version: 1.3, client_ca: ../ca.pem}
  - {bind: ":8444", tls: {certificates: [{cert: rsa.pem, key: rsa.key}]}}
trusted_proxies: ["10.0.0.0/8", "::1"]
nameservers: ["127.0.0.1:8600", "::1"]
reload_wait: 1m5s
routes:
  - {match: {host: "Chat.example.com", path: "/$$a", websocket: true}, pool: chat, strip_prefix: true,
     allowed_origins: ["https://*.Example.com", "null"]}
  - {match: {websocket: false}, pool: "null"}
  - {pool: "8"}
pools:
  chat:
    backends: ["10.0.1.10:8080", {name: web-2, address: "web-2:8080", weight: 3, max_connections: 500},
               {address: "web-3:8080", tls: {}},
               {address: "web-4:8080", tls: {verify: false, server_name: "2001:DB8::1"}},
               {address: "web-5:8080",
                tls: {verify: true, server_name: Web.Example.com, ca: ca.pem, crl: "crl \"$$\".pem"}}]
    policy: {consistent_hash: {key: "query:room", bound: 1.5}}
    choices: 7
    score: {connections: 0, cpu: 0.000000001, memory: 1000, latency: 0.25, message_rate: 123.000000001,
            latency_reference: 1ms, stale_after: 0}
    slow_start: 1m30s
    attempts: 5
    health_check: {type: http, path: "/up?a=1", host: "a:1", expect_status: 204, expect_body: "ok \"$$\\ ü", interval: 1m,
                   timeout: 1s, rise: 1, fall: 9, agent_port: 65535}
    resolve_interval: 1h
    ejection: {failures: 0, base_time: 1d, max_ejected_percent: 100}
    panic_threshold: 33.3%
    required: true
    on_down: move
    migration: {handoff: assume, notify: always, rescue: true, pace: 12.5/s, grace: 0, deadline: 1ms,
                handoff_timeout: 1m1s, quiet: 1ms, max_state: 1025B, cooldown: 0, stop_if_failing: 33.333333333%,
                endpoint: "wss://[::1]:8443/$$a?b=%20"}
    lost_backend: {close_pace: 0.01/s}
    rebalance: {enabled: true, threshold: 99.9%, pace: 0.5/s, cooldown: 0, interval: 1h}
    limits: {max_message_size: 1MiB, max_fragments: 7}
    slow_client: {max_queued: 1025B}
    timeouts: {connect: 1s, upgrade: 2s, idle: 1h30m, stalled_write: 45s, close: 3s}
    ping: {clients: 10s, backends: 500ms, timeout: 4s}
  "null": {backends: ["[::1]:9000"], choices: all, health_check: {type: websocket}}
  "8": {backends: ["a:1"], policy: random_two}
resume: {on_invalid_token: reject}
limits: {max_connections: 0, max_head_size: 32KiB, max_headers: 64, head_timeout: 4s}
shutdown: {announce: 7s, pace: 0.3/s, deadline: 1m}
admin: {bind: "localhost:9901", hosts: [Admin.Example.com, drover]}
probes: {bind: ":9902"}
log: {level: error, access: "/a$$${b} \"c\" \\ü.log", format: text}
)";

}  // namespace

TEST_CASE("both spellings of a dump load to the configuration, and say the same") {
  check_dumps(valid(kBase));
  check_dumps(valid(kBase + "admin: {bind: ''}\nlog: {level: debug}\npolicy: consistent_hash\n"));
  check_dumps(valid(kBase + "health_check: {interval: 0s}\nlog: {level: warn, access: off}\nworkers: 1\n"));
  check_dumps(valid(kBase + "limits: {max_message_size: 3B}\nworkers: 2\ntimeouts: {idle: 1500ms}\n"));
  // Found by the fuzzer: a host name that is longer than a name may be.
  check_dumps(valid("listen: ':8080'\nbackends: ['" + std::string(60, 'h') + ".example:9001']\n"));
  check_dumps(load(kEverything, [](std::string_view) { return std::optional<std::string>("${x}"); }).config.value());
}

TEST_CASE("the keys of this issue are in a dump") {
  const Json shown = Json::parse(
      to_json(load(kEverything, [](std::string_view) { return std::optional<std::string>("${x}"); }).config.value()));
  CHECK(shown["listeners"][0]["health_path"] == "/-/ready");
  CHECK(shown["pools"]["chat"]["required"] == true);
  CHECK(shown["admin"]["hosts"] == Json({"admin.example.com", "drover"}));
  CHECK(shown["admin"]["token"] == "");
  CHECK(shown["admin"]["load_token"] == "");
  CHECK(shown["probes"]["bind"] == ":9902");
  CHECK(shown["log"]["format"] == "text");
  CHECK(shown["reload_wait"] == "1m5s");
  CHECK(shown["resume"] == Json::parse(R"({"secrets": [], "on_invalid_token": "reject"})"));
  CHECK(shown["pools"]["chat"]["migration"] == Json::parse(R"({"handoff": "assume", "notify": "always", "rescue": true,
    "pace": "12.5/s", "grace": "0s", "deadline": "1ms", "handoff_timeout": "1m1s", "quiet": "1ms", "max_state": "1025B",
    "cooldown": "0s", "stop_if_failing": "33.333333333%", "endpoint": "wss://[::1]:8443/$$a?b=%20"})"));
  CHECK(shown["pools"]["chat"]["rebalance"] == Json::parse(R"({"enabled": true, "threshold": "99.9%",
    "pace": "0.5/s", "cooldown": "0s", "interval": "1h"})"));
  CHECK(shown["pools"]["chat"]["on_down"] == "move");
  CHECK(shown["pools"]["chat"]["lost_backend"]["close_pace"] == "0.01/s");
  CHECK(shown["pools"]["8"]["migration"]["pace"] == "auto");
}

TEST_CASE("TLS is in a dump where it is in use, with every key, and nowhere else") {
  constexpr std::string_view kText = R"(
listeners:
  - bind: ":1"
  - {bind: ":2", tls: {certificates: [{cert: a.pem, key: a.key}, {cert: b.pem, key: b.key, ocsp: b.der}]}}
backends: ["a:1", {address: "b:1", tls: {}}]
)";
  const auto loaded = load_text(kText, "/etc/drover/drover.yaml", no_environment);
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  const Json shown = Json::parse(to_json(*loaded.config));
  CHECK_FALSE(shown["listeners"][0].contains("tls"));
  CHECK(shown["listeners"][1]["tls"] == Json::parse(R"({
    "certificates": [{"cert": "/etc/drover/a.pem", "key": "/etc/drover/a.key", "ocsp": ""},
                     {"cert": "/etc/drover/b.pem", "key": "/etc/drover/b.key", "ocsp": "/etc/drover/b.der"}],
    "min_version": "1.2", "client_ca": ""})"));
  const Json& backends = shown["pools"]["default"]["backends"];
  CHECK_FALSE(backends[0].contains("tls"));
  CHECK(backends[1]["tls"] == Json::parse(R"({"verify": true, "server_name": "", "ca": "", "crl": ""})"));
}

TEST_CASE("no dump shows a token") {
  const auto with = [](const std::string& admin) { return valid(kBase + "admin: {" + admin + "}\n"); };
  const Config config = with("token: " + kToken + ", load_token: x" + kToken);
  for (const std::string& dump : {to_yaml(config), to_json(config)}) {
    CAPTURE(dump);
    CHECK(dump.find(kToken) == std::string::npos);
    const std::string all = complaints(dump);
    CHECK(all.find("'admin.token' is hidden here") != std::string::npos);
    CHECK(all.find("'admin.load_token' is hidden here") != std::string::npos);
  }
  CHECK(Json::parse(to_json(config))["admin"]["token"] == "***");
  CHECK(Json::parse(to_json(config))["admin"]["load_token"] == "***");
  CHECK(Json::parse(to_json(with("token: " + kToken)))["admin"]["load_token"] == "");
  CHECK(to_yaml(valid(kBase)).find("***") == std::string::npos);
}

TEST_CASE("no dump shows a secret of resume tokens") {
  const Config config = valid(kBase + "resume: {secrets: [" + kToken + ", x" + kToken + "]}\n");
  for (const std::string& dump : {to_yaml(config), to_json(config)}) {
    CAPTURE(dump);
    CHECK(dump.find(kToken) == std::string::npos);
    const std::string all = complaints(dump);
    CHECK(all.find("'resume.secrets[0]' is hidden here") != std::string::npos);
    CHECK(all.find("'resume.secrets[1]' is hidden here") != std::string::npos);
  }
  CHECK(Json::parse(to_json(config))["resume"]["secrets"] == Json({"***", "***"}));
  CHECK(to_yaml(config).find("  secrets: [\"***\", \"***\"]\n") != std::string::npos);
}

TEST_CASE("the YAML is for people: quotes around what the operator named, none around the format's own words") {
  const std::string yaml = to_yaml(valid(kBase));
  for (const char* line :
       {"workers: auto\n", "trusted_proxies: []\n", "  - bind: \":8080\"\n    shared: false\n", "  - match: {}\n",
        "pools:\n  \"default\":\n    backends:\n      - name: \"127.0.0.1:9001\"\n        address: "
        "\"127.0.0.1:9001\"\n",
        "    score:\n      connections: 0.3\n", "      interval: 5s\n", "      max_message_size: 0\n"}) {
    CAPTURE(line);
    CHECK(yaml.find(line) != std::string::npos);
  }
}

TEST_CASE("the JSON has numbers and flags as such, and what has a unit as text, zero too") {
  const std::string json = to_json(valid(kBase + "log: {access: '/x/$$y \"z\"'}\n"));
  CHECK(json.starts_with("{\n  \"workers\": \"auto\",\n  \"listeners\": [\n    {\n      \"bind\": \":8080\",\n"));
  CHECK(json.ends_with("}\n"));
  for (const char* part : {R"("max_connections": 100000,)", R"("cpu": 0.25,)", R"("shared": false,)",
                           R"("idle": "0s",)", R"("max_message_size": "0",)", R"("panic_threshold": "30%",)",
                           R"("trusted_proxies": [],)", R"("match": {},)", R"("access": "/x/$$y \"z\"",)"}) {
    CAPTURE(part);
    CHECK(json.find(part) != std::string::npos);
  }
}

}  // namespace drover::config
