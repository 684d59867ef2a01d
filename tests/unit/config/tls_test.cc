// TLS of listeners and towards backends: every key, its default, what is refused and what is warned of.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "loading.h"

namespace drover::config {
namespace {

constexpr std::string_view kPair = "{cert: a.pem, key: a.key}";

Loaded load_from_etc(const std::string& text) {
  return load_text(text, "/etc/drover/t", no_environment);
}

// A file whose listener has this 'tls'; it begins in column 31.
std::string with_listener(const std::string& tls) {
  return "listeners: [{bind: ':1', tls: " + tls + "}]\nbackends: ['a:1']\n";
}

// A file whose backend has this 'tls', which begins in line 2, column 34.
std::string with_backend(const std::string& tls) {
  return "listen: ':1'\nbackends: [{address: 'a:1', tls: " + tls + "}]\n";
}

ListenerTls listener_tls(const std::string& tls) {
  const Loaded loaded = load_from_etc(with_listener(tls));
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  CHECK(loaded.diagnostics.text().empty());
  REQUIRE(loaded.config->listeners[0].tls.has_value());
  return *loaded.config->listeners[0].tls;
}

BackendTls backend_tls(const std::string& tls) {
  const Loaded loaded = load_from_etc(with_backend(tls));
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  REQUIRE(loaded.config->pools[0].backends[0].tls.has_value());
  return *loaded.config->pools[0].backends[0].tls;
}

struct Case {
  std::string tls;
  std::string expected;  // all diagnostics
};

// Each is refused with just these complaints.
void check_refused(std::string (&within)(const std::string&), std::initializer_list<Case> cases) {
  for (const Case& each : cases) {
    CAPTURE(each.tls);
    CHECK(complaints(within(each.tls)) == each.expected);
    CHECK_FALSE(load(within(each.tls)).config);
  }
}

}  // namespace

TEST_CASE("without 'tls' there is none") {
  for (const std::string& text : {kBase, std::string("listeners: [{bind: ':1'}]\nbackends: [{address: 'a:1'}]\n")}) {
    const Loaded loaded = load(text);
    REQUIRE(loaded.config);
    CHECK_FALSE(loaded.config->listeners[0].tls);
    CHECK_FALSE(loaded.config->pools[0].backends[0].tls);
  }
}

TEST_CASE("a listener needs certificates alone") {
  for (const char* rest : {"", ", min_version: '1.2', client_ca: ''"}) {
    CAPTURE(rest);
    const ListenerTls tls = listener_tls("{certificates: [" + std::string(kPair) + "]" + rest + "}");
    CHECK(tls == ListenerTls{{{"/etc/drover/a.pem", "/etc/drover/a.key", ""}}, TlsVersion::k12, ""});
  }
}

TEST_CASE("every key of a listener's TLS, relative paths from the folder of the file") {
  const ListenerTls tls = listener_tls(
      "{certificates: [{cert: /c/rsa.pem, key: ../keys/rsa.key, ocsp: ./rsa.der}, {cert: ec.pem, key: ec.key, ocsp: "
      "''}], "
      "min_version: '1.3', client_ca: ca/clients.pem}");
  CHECK(tls.certificates == std::vector<Certificate>{{"/c/rsa.pem", "/etc/keys/rsa.key", "/etc/drover/rsa.der"},
                                                     {"/etc/drover/ec.pem", "/etc/drover/ec.key", ""}});
  CHECK(tls.min_version == TlsVersion::k13);
  CHECK(tls.client_ca == "/etc/drover/ca/clients.pem");
}

TEST_CASE("a TLS version needs no quotes") {
  const auto version = [](const std::string& word) {
    return listener_tls("{certificates: [" + std::string(kPair) + "], min_version: " + word + "}").min_version;
  };
  for (const char* word : {"1.2", "'1.2'", "\"1.2\""}) CHECK(version(word) == TlsVersion::k12);
  for (const char* word : {"1.3", "'1.3'", "\"1.3\""}) CHECK(version(word) == TlsVersion::k13);
}

TEST_CASE("several listeners, TLS and plain, and one path for several keys") {
  const Loaded loaded = load_from_etc(
      "listeners: [{bind: ':1', tls: &t {certificates: [{cert: a.pem, key: a.pem}]}}, {bind: ':2'}, {bind: ':3', tls: "
      "*t}]\n"
      "backends: ['a:1']\n");
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  const auto& listeners = loaded.config->listeners;
  REQUIRE(listeners.size() == 3);
  REQUIRE(listeners[0].tls);
  CHECK(listeners[0].tls->certificates[0].key == "/etc/drover/a.pem");
  CHECK_FALSE(listeners[1].tls);
  CHECK(listeners[2].tls == listeners[0].tls);
}

TEST_CASE("a listener's TLS that is refused") {
  check_refused(
      with_listener,
      {{"{}", "t:1:31: error: 'listeners[0].tls' has no 'certificates'\n"},
       {"", "t:1:26: error: 'listeners[0].tls' must be a map of keys and values, got nothing\n"},
       {"true", "t:1:31: error: 'listeners[0].tls' must be a map of keys and values, got a value\n"},
       {"{certificates: []}", "t:1:46: error: 'listeners[0].tls.certificates' is empty\n"},
       {"{certificates: {cert: a, key: b}}",
        "t:1:46: error: 'listeners[0].tls.certificates' must be a list, got a map\n"},
       {"{certificates: [a.pem]}",
        "t:1:47: error: 'listeners[0].tls.certificates[0]' must be a map of keys and values, got a value\n"},
       {"{certificates: [{}]}",
        "t:1:47: error: 'listeners[0].tls.certificates[0]' has no 'cert'\n"
        "t:1:47: error: 'listeners[0].tls.certificates[0]' has no 'key'\n"},
       {"{certificates: [{cert: '', key: ''}]}",
        "t:1:54: error: 'listeners[0].tls.certificates[0].cert' is empty\n"
        "t:1:63: error: 'listeners[0].tls.certificates[0].key' is empty\n"},
       {"{certificates: [{cert: c/, key: /k/., ocsp: ..}], client_ca: /}",
        "t:1:54: error: 'listeners[0].tls.certificates[0].cert': expected the path of a file, got 'c/'\n"
        "t:1:63: error: 'listeners[0].tls.certificates[0].key': expected the path of a file, got '/k/.'\n"
        "t:1:75: error: 'listeners[0].tls.certificates[0].ocsp': expected the path of a file, got '..'\n"
        "t:1:92: error: 'listeners[0].tls.client_ca': expected the path of a file, got '/'\n"},
       {"{certificates: [{cert: [a], key: {}}]}",
        "t:1:54: error: 'listeners[0].tls.certificates[0].cert' must be a single value, got a list\n"
        "t:1:64: error: 'listeners[0].tls.certificates[0].key' must be a single value, got a map\n"},
       {"{certificates: [{cert: a, key: b}], min_version: 1.1}",
        "t:1:80: error: 'listeners[0].tls.min_version' must be one of '1.2', '1.3', got '1.1'; did you mean '1.2'?\n"},
       {"{certificates: [{cert: a, key: b}], min_version: TLSv1.3}",
        "t:1:80: error: 'listeners[0].tls.min_version' must be one of '1.2', '1.3', got 'TLSv1.3'\n"},
       {"{certificates: [{cert: a, key: b, oscp: c}], min_versoin: 1.3, ca: d}",
        "t:1:65: error: unknown key 'listeners[0].tls.certificates[0].oscp'; did you mean 'ocsp'?\n"
        "t:1:76: error: unknown key 'listeners[0].tls.min_versoin'; did you mean 'min_version'?\n"
        "t:1:94: error: unknown key 'listeners[0].tls.ca'\n"}});
}

TEST_CASE("a certificate with its key is given once") {
  const auto list = [](const std::string& second) {
    return "{certificates: [{cert: /c/a.pem, key: /c/a.key, ocsp: /c/a.der}, " + second + "]}";
  };
  for (const std::string same :
       {"{cert: /c/a.pem, key: /c/a.key}", "{cert: /c/./a.pem, key: /c/b/../a.key, ocsp: /b}"}) {
    CHECK(complaints(with_listener(list(same))) ==
          "t:1:96: error: duplicate certificate '/c/a.pem' with the same key; the first is "
          "listeners[0].tls.certificates[0]\n");
  }
  for (const std::string other : {"{cert: /c/b.pem, key: /c/a.key}", "{cert: /c/a.pem, key: /c/b.key}"})
    CHECK(listener_tls(list(other)).certificates.size() == 2);
  // Another listener may have it too.
  CHECK(complaints("listeners: [{bind: ':1', tls: &t {certificates: [{cert: a, key: b}]}}, {bind: ':2', tls: *t}]\n"
                   "backends: ['a:1']\n")
            .empty());
}

TEST_CASE("paths are limited in length") {
  const std::string file(4096, 'x');
  for (const std::string& tls :
       {"{certificates: [{cert: " + file + ", key: b}]}", "{certificates: [{cert: a, key: " + file + "}]}",
        "{certificates: [{cert: a, key: b, ocsp: " + file + "}]}",
        "{certificates: [{cert: a, key: b}], client_ca: " + file + "}"}) {
    const std::string all = complaints(with_listener(tls));
    CAPTURE(all);
    CHECK(all.find("': expected a path of at most 4095 bytes, with the folder where it starts, got 'xxx") !=
          std::string::npos);
  }
  for (const std::string key : {"ca", "crl"})
    CHECK(complaints(with_backend("{" + key + ": " + file + "}"))
              .find("error: 'backends[0].tls." + key + "': expected a path of at most 4095 bytes") !=
          std::string::npos);
}

TEST_CASE("the short form of listeners is plain") {
  CHECK(complaints("listen: {bind: ':1', tls: {}}\nbackends: ['a:1']\n") ==
        "t:1:9: error: 'listen' must be a single value or a list, got a map\n");
  CHECK(complaints(kBase + "tls: {}\n") == "t:3:1: error: unknown key 'tls'\n");
}

TEST_CASE("TLS towards a backend needs no key: the system's authorities, and the backend's own name") {
  CHECK(backend_tls("{}") == BackendTls{true, "", "", ""});
  CHECK(backend_tls("{verify: true, server_name: '', ca: '', crl: ''}") == BackendTls{});
  CHECK(complaints(with_backend("{}")).empty());
}

TEST_CASE("every key of TLS towards a backend") {
  CHECK(backend_tls("{verify: true, server_name: Web-2.Example.com, ca: ca.pem, crl: /c/crl.pem}") ==
        BackendTls{true, "web-2.example.com", "/etc/drover/ca.pem", "/c/crl.pem"});
  CHECK(backend_tls("{server_name: '::0:1'}").server_name == "::1");
  const std::string unusual = "{server_name: web, crl: crl.pem}";  // a CRL of the system's authorities
  CHECK(backend_tls(unusual) == BackendTls{true, "web", "", "/etc/drover/crl.pem"});
  CHECK(complaints(with_backend(unusual)).empty());
}

TEST_CASE("each backend has its own, in named pools too") {
  const Loaded loaded = load(
      "listen: ':1'\npools: {chat: {backends: [{address: 'a:1', tls: {server_name: x}}, {address: 'b:1'}, 'c:1']}}\n"
      "routes: [{pool: chat}]\n");
  REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
  const auto& backends = loaded.config->pools[0].backends;
  REQUIRE(backends[0].tls);
  CHECK(backends[0].tls->server_name == "x");
  CHECK_FALSE(backends[1].tls);
  CHECK_FALSE(backends[2].tls);
}

TEST_CASE("TLS towards a backend that is refused") {
  check_refused(
      with_backend,
      {{"", "t:2:29: error: 'backends[0].tls' must be a map of keys and values, got nothing\n"},
       {"true", "t:2:34: error: 'backends[0].tls' must be a map of keys and values, got a value\n"},
       {"{verify: no}", "t:2:43: error: 'backends[0].tls.verify': expected true or false, got 'no'\n"},
       {"{verify: 'false'}",
        "t:2:43: error: 'backends[0].tls.verify' must be true or false, got the string 'false' (leave out the "
        "quotes)\n"},
       {"{server_name: 'web:443'}",
        "t:2:48: error: 'backends[0].tls.server_name': expected a host name such as 'chat.example.com' or an address "
        "such as '10.0.1.10' or '::1', without scheme, port and brackets, got 'web:443'\n"},
       {"{ca: ca/, crl: ./}",
        "t:2:39: error: 'backends[0].tls.ca': expected the path of a file, got 'ca/'\n"
        "t:2:49: error: 'backends[0].tls.crl': expected the path of a file, got './'\n"},
       {"{verfy: true, servername: x, cert: y}",
        "t:2:35: error: unknown key 'backends[0].tls.verfy'; did you mean 'verify'?\n"
        "t:2:48: error: unknown key 'backends[0].tls.servername'; did you mean 'server_name'?\n"
        "t:2:63: error: unknown key 'backends[0].tls.cert'\n"}});
}

TEST_CASE("a backend that is not verified is warned of, and so is what then does nothing") {
  const std::string unverified =
      "'backends[0].tls.verify' is false: anybody on the way can pose as the backend, and read and change what "
      "passes\n";
  for (const std::string rest : {"", ", server_name: web", ", ca: '', crl: ''"}) {
    CHECK(complaints(with_backend("{verify: false" + rest + "}")) == "t:2:43: warning: " + unverified);
    CHECK_FALSE(backend_tls("{verify: false" + rest + "}").verify);
  }
  CHECK(complaints(with_backend("{verify: false, ca: ca.pem, crl: crl.pem}")) ==
        "t:2:43: warning: " + unverified +
            "t:2:54: warning: 'backends[0].tls.ca' has no effect where 'backends[0].tls.verify' is false\n"
            "t:2:67: warning: 'backends[0].tls.crl' has no effect where 'backends[0].tls.verify' is false\n");
}

}  // namespace drover::config
