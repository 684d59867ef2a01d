// The ports for operators: who may bind where, what a token looks like, and that none is ever shown.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "loading.h"

namespace drover::config {
namespace {

const std::string kToken = "0123456789abcdef";

std::string with(const std::string& admin) {
  return kBase + "admin: {" + admin + "}\n";
}

Config valid(const std::string& text) {
  auto loaded = load(text);
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

bool complains(const std::string& text, const std::string& of) {
  const std::string all = complaints(text);
  CAPTURE(all);
  return all.find(of) != std::string::npos;
}

}  // namespace

TEST_CASE("another address than a loopback one needs a token") {
  for (const char* bind : {":9900", "0.0.0.0:9900", "10.0.0.1:9900", "admin.example.com:9900", "[::]:9900"}) {
    CAPTURE(bind);
    const std::string here = "bind: '" + std::string(bind) + "'";
    CHECK(complains(with(here), "t:3:15: error: 'admin.bind' at '" + std::string(bind) +
                                    "' is not a loopback address, and anybody who reaches it could end every "
                                    "session; set 'admin.token'"));
    CHECK(complains(with(here + ", token: ''"), "is not a loopback address"));
    CHECK(valid(with(here + ", token: " + kToken)).admin.bind->text == bind);
  }
  for (const char* bind : {"127.0.0.1:9", "127.9.9.9:9", "[::1]:9", "localhost:9"}) {
    CHECK(complaints(with("bind: '" + std::string(bind) + "'")).empty());
  }
}

TEST_CASE("a token has 16 to 256 visible characters") {
  const std::string longest(256, 'x');
  for (const std::string& good : {kToken, longest, std::string("!#%&()*+,-./:;<=>?")}) {
    CHECK(valid(with("token: \"" + good + "\"")).admin.token == good);
  }
  for (const std::string& bad : {std::string("0123456789abcde"), longest + "x", std::string("0123456789 abcdef"),
                                 std::string("0123456789abcdeü")}) {
    const std::string all = complaints(with("token: \"" + bad + "\""));
    CAPTURE(all);
    CHECK(all.find("t:3:16: error: 'admin.token' must have 16 to 256 visible ASCII characters") == 0);
    CHECK(all.find(bad) == std::string::npos);
  }
}

TEST_CASE("a token comes from the environment as well") {
  const Environment environment = [](std::string_view name) -> std::optional<std::string> {
    return name == "TOKEN" ? std::optional(kToken) : std::nullopt;
  };
  CHECK(load(with("token: \"${TOKEN}\""), environment).config->admin.token == kToken);
}

TEST_CASE("a load token is another one, and needs the first") {
  CHECK(valid(with("token: " + kToken + ", load_token: x" + kToken)).admin.load_token == "x" + kToken);
  CHECK(complains(with("token: " + kToken + ", load_token: " + kToken),
                  "'admin.load_token' is the same as 'admin.token'"));
  CHECK(complains(with("load_token: " + kToken), "'admin.load_token' does nothing without 'admin.token'"));
}

TEST_CASE("hosts are names") {
  CHECK(valid(with("hosts: [Admin.Example.com, drover]")).admin.hosts ==
        std::vector<std::string>{"admin.example.com", "drover"});
  CHECK(complains(with("hosts: ['https://admin.example.com']"), "'admin.hosts[0]'"));
  CHECK(complains(with("hosts: ['a b']"), "'admin.hosts[0]'"));
}

TEST_CASE("the port for probes is open to all, and a port of its own") {
  CHECK_FALSE(valid(kBase).probes.bind);
  CHECK_FALSE(valid(kBase + "probes: {bind: ''}\n").probes.bind);
  CHECK(valid(kBase + "probes: {bind: ':9901'}\n").probes.bind->port == 9901);
  CHECK(complains(kBase + "probes: {bind: '127.0.0.1:9900'}\n", "collides with 'admin.bind' at '127.0.0.1:9900'"));
  CHECK(complains(kBase + "probes: {bind: ':8080'}\n", "'probes.bind' at ':8080' collides with 'listen'"));
}

TEST_CASE("a path for health is a path alone") {
  const auto listener = [](const std::string& path) {
    return "listeners: [{bind: ':1', health_path: " + path + "}]\nbackends: ['a:1']\n";
  };
  CHECK(valid(listener("/-/ready")).listeners[0].health_path == "/-/ready");
  CHECK(valid(listener("''")).listeners[0].health_path.empty());
  for (const char* path : {"ready", "'/a b'", "'/a?b'", "'/a#b'", "'/\xc3\xa4'"}) {
    CAPTURE(path);
    CHECK(complains(listener(path), "t:1:39: error: 'listeners[0].health_path' must be a path such as '/-/ready'"));
  }
}

TEST_CASE("a pool may be required, the access log may be text") {
  CHECK_FALSE(valid(kBase).pools[0].required);
  CHECK(valid(kBase + "required: true\n").pools[0].required);
  CHECK(valid(kBase).log.format == LogFormat::kJson);
  CHECK(valid(kBase + "log: {format: text}\n").log.format == LogFormat::kText);
  CHECK(complains(kBase + "log: {format: xml}\n", "'log.format' must be one of 'json', 'text', got 'xml'"));
}

TEST_CASE("no dump shows a token") {
  const Config config = valid(with("token: " + kToken + ", load_token: x" + kToken));
  for (const std::string& dump : {to_yaml(config), to_json(config)}) {
    CHECK(dump.find(kToken) == std::string::npos);
    CHECK(dump.find("***") != std::string::npos);
  }
  CHECK(to_yaml(valid(kBase)).find("***") == std::string::npos);
}

TEST_CASE("the JSON has numbers and truth values as such, and the rest as text") {
  const std::string json = to_json(valid(kBase + "log: {access: 'x/$$y \"z\"'}\n"));
  CHECK(json.find(R"("max_connections": 100000)") != std::string::npos);
  CHECK(json.find(R"("cpu": 0.25)") != std::string::npos);
  CHECK(json.find(R"("shared": false)") != std::string::npos);
  CHECK(json.find(R"("idle": "0s")") != std::string::npos);
  CHECK(json.find(R"(x/$$y \"z\")") != std::string::npos);
}

}  // namespace drover::config
