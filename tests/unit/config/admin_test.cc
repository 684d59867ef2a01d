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
                  "t:3:46: error: 'admin.load_token' is the same as 'admin.token'"));
  for (const char* none : {"", "token: '', "}) {
    CHECK(complains(with(none + ("load_token: " + kToken)), "error: 'admin.load_token' needs 'admin.token'"));
  }
}

TEST_CASE("a wrong token is one complaint, which does not repeat it") {
  const Environment environment = [](std::string_view name) -> std::optional<std::string> {
    return name == "TOKEN" ? std::optional(kToken + "\n") : std::nullopt;
  };
  const auto token = [](const std::string& value) { return with("bind: ':9900', token: " + value); };
  CHECK(complaints(token("'${TOKEN}'"), environment) == "t:3:31: error: 'admin.token' must be one line of text\n");
  CHECK(complaints(token("'${UNSET}'"), environment) ==
        "t:3:31: error: 'admin.token': variable 'UNSET' is not set and has no default\n");
  CHECK(complaints(token("[a]")) == "t:3:31: error: 'admin.token' must be a single value, got a list\n");
  CHECK(complaints(token("short")) ==
        "t:3:31: error: 'admin.token' must have 16 to 256 visible ASCII characters, without spaces; it has 5\n");
  CHECK(complaints(token("'x${" + kToken + "-}'")) ==
        "t:3:31: error: 'admin.token': '${…}' without the name of a variable; '$$' stands for a plain '$'\n");
  CHECK(complaints(token("!" + kToken)) ==
        "t:3:31: error: YAML tags are not supported; a value that begins with '!' needs quotes\n");
  CHECK(complaints(with("token:" + kToken)) == "t:3:9: error: a space is missing after 'admin.token:'\n");
}

TEST_CASE("hosts are names") {
  CHECK(valid(with("hosts: [Admin.Example.com, drover]")).admin.hosts ==
        std::vector<std::string>{"admin.example.com", "drover"});
  for (const std::string bad : {"https://admin.example.com", "admin.example.com:9900", "a b", ""}) {
    CHECK(complaints(with("hosts: [a, '" + bad + "']")) ==
          "t:3:20: error: 'admin.hosts[1]': expected a host name such as 'admin.example.com', without scheme and port, "
          "got '" +
              bad + "'\n");
  }
}

TEST_CASE("the port for probes is open to all, and a port of its own") {
  CHECK_FALSE(valid(kBase).probes.bind);
  CHECK_FALSE(valid(kBase + "probes: {bind: ''}\n").probes.bind);
  CHECK(valid(kBase + "probes: {bind: ':9901'}\n").probes.bind->port == 9901);
  CHECK(complaints(kBase + "probes: {bind: '127.0.0.1:9900'}\n") ==
        "t:3:16: error: 'probes.bind' at '127.0.0.1:9900' collides with 'admin.bind' at '127.0.0.1:9900'\n");
  CHECK(complaints(kBase + "probes: {bind: ':8080'}\n") ==
        "t:3:16: error: 'probes.bind' at ':8080' collides with 'listen' at ':8080'\n");
  CHECK(complaints(kBase + "probes: {bind: '9901'}\n") ==
        "t:3:16: error: 'probes.bind': '9901' has no port; expected 'host:port' or ':port'\n");
}

TEST_CASE("a path for health is a path alone") {
  const auto listener = [](const std::string& path) {
    return "listeners: [{bind: ':1', health_path: " + path + "}]\nbackends: ['a:1']\n";
  };
  CHECK(valid(listener("/-/ready")).listeners[0].health_path == "/-/ready");
  CHECK(valid(listener("''")).listeners[0].health_path.empty());
  for (const char* path : {"ready", "'/a b'", "'/a?b'", "'/a#b'", "'/\xc3\xa4'"}) {
    CAPTURE(path);
    CHECK(complains(listener(path),
                    "t:1:39: error: 'listeners[0].health_path': expected a path such as '/ws', percent-encoded and "
                    "without query, got '"));
  }
}

TEST_CASE("a pool may be required, the access log may be text") {
  CHECK_FALSE(valid(kBase).pools[0].required);
  CHECK(valid(kBase + "required: true\n").pools[0].required);
  CHECK(valid(kBase).log.format == LogFormat::kJson);
  CHECK(valid(kBase + "log: {format: text}\n").log.format == LogFormat::kText);
  CHECK(complaints(kBase + "log: {format: xml}\n") ==
        "t:3:15: error: 'log.format' must be one of 'json', 'text', got 'xml'\n");
  CHECK(complaints(kBase + "required: often\n") == "t:3:11: error: 'required': expected true or false, got 'often'\n");
}

}  // namespace drover::config
