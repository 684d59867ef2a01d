// What a listener's context picks for a client: certificate, protocol, OCSP response; and who the client is.
#include "net/tls_context.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "tls_peer.h"

namespace drover::net {

namespace {

void ask_for(const PeerClient& f, const std::string& name) {
  REQUIRE(SSL_ctrl(f.peer.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                   const_cast<char*>(name.c_str())) == 1);
}

bool was_served(const PeerClient& f, const Identity& identity) {
  return X509_cmp(SSL_get0_peer_certificate(f.peer.ssl()), identity.certificate.get()) == 0;
}

void use_identity(const test::Context& client, const Identity& identity) {
  REQUIRE(SSL_CTX_use_certificate(client.get(), identity.certificate.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(client.get(), identity.key.get()) == 1);
}

std::string offer(std::initializer_list<std::string_view> protocols) {
  std::string list;
  for (const auto& each : protocols) (list += static_cast<char>(each.size())) += each;
  return list;
}

}  // namespace

TEST_CASE("SNI: an exact name before a wildcard for one label, and the first certificate for all else") {
  TlsStage stage;
  const auto first = stage.authority.issue({.alternatives = "DNS:first.example"});
  const auto wildcard = stage.authority.issue({.alternatives = "DNS:*.chat.example,DNS:chat.example"});
  const auto exact = stage.authority.issue({.alternatives = "DNS:eu.chat.example"});
  const auto by_common_name = stage.authority.issue({.common_name = "Old.Example", .alternatives = ""});
  std::vector<std::shared_ptr<const TlsCertificate>> all;
  for (const auto& each : {first, wildcard, exact, by_common_name}) all.push_back(stage.certificate(each));
  const auto expect = [&](const std::string& name, const Identity& identity) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      CAPTURE(name);
      PeerClient f(test::client_context(version), [&](auto& settings) { settings.certificates = all; });
      if (!name.empty()) ask_for(f, name);
      f.establish();
      CHECK(was_served(f, identity));
    }
  };
  expect("", first);
  expect("first.example", first);
  expect("nobody.example", first);
  expect("chat.example", wildcard);
  expect("us.chat.example", wildcard);
  expect("US.Chat.Example", wildcard);
  expect("a.us.chat.example", first);
  expect(".chat.example", first);
  expect("eu.chat.example", exact);
  expect("EU.chat.example", exact);
  expect("old.example", by_common_name);
}

TEST_CASE("certificates for the same names are served together, and each client gets the one that it can check") {
  TlsStage stage;
  const auto ec = stage.authority.issue({});
  const auto rsa = stage.authority.issue({.key = test::KeyKind::kRsa});
  const auto other = stage.authority.issue({.alternatives = "DNS:other.example"});
  const auto expect = [&](const char* signatures, const Identity& identity) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      const auto client = test::client_context(version);
      REQUIRE(SSL_CTX_set1_sigalgs_list(client.get(), signatures) == 1);
      PeerClient f(client, [&](auto& settings) {
        settings.certificates = {stage.certificate(other), stage.certificate(rsa), stage.certificate(ec)};
      });
      ask_for(f, "localhost");
      f.establish();
      CHECK(was_served(f, identity));
    }
  };
  expect("RSA-PSS+SHA256", rsa);
  expect("ECDSA+SHA256", ec);
}

TEST_CASE("a chain is served with its certificate") {
  TlsStage stage;
  const auto middle = stage.authority.issue_authority("Middle");
  auto settings = stage.settings();
  settings.certificates = {stage.certificate(middle.issue({}), certificate_pem(middle.self()))};
  TlsConnection(stage).establish(stage.make(settings), stage.make(stage.trust(stage.authority)));
}

TEST_CASE("ALPN: http/1.1, or nothing where nothing is offered") {
  const auto client = test::client_context();
  const auto shake = [&](const std::string& offered) {
    SSL_CTX_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                            static_cast<unsigned>(offered.size()));
    PeerClient f(client);
    f.establish();
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(f.peer.ssl(), &chosen, &size);
    return std::string(reinterpret_cast<const char*>(chosen), size);
  };
  CHECK(shake("").empty());
  CHECK(shake(offer({"http/1.1"})) == "http/1.1");
  CHECK(shake(offer({"h2", "spdy/3", "http/1.1", "http/1.0"})) == "http/1.1");

  const auto others = offer({"h2", "http/1.0", "http/1.12"});
  SSL_CTX_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(others.data()),
                          static_cast<unsigned>(others.size()));
  PeerClient f(client);
  REQUIRE(f.peer.go_on());
  f.until([&] { return f.peer.error == SSL_ERROR_SSL && f.recorder.end.has_value(); });
  CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
  CHECK(f.stream().failure() == "TLS: no application protocol");
}

TEST_CASE("OCSP: its response comes with the certificate that it is for, to a client that asks") {
  TlsStage stage;
  const auto first = stage.authority.issue({.alternatives = "DNS:first.example"});
  const auto stapled = stage.authority.issue({.alternatives = "DNS:stapled.example"});
  const auto ocsp = stage.authority.ocsp(stapled);
  const auto response = [&](const std::string& name, int version, int asked) {
    PeerClient f(test::client_context(version), [&](auto& settings) {
      settings.certificates = {stage.certificate(first), stage.certificate(stapled, "", ocsp)};
    });
    ask_for(f, name);
    if (asked >= 0) SSL_ctrl(f.peer.ssl(), SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, asked, nullptr);
    f.establish();
    unsigned char* bytes = nullptr;
    const long size = SSL_ctrl(f.peer.ssl(), SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &bytes);
    return size <= 0 ? std::string() : std::string(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CHECK(response("stapled.example", version, TLSEXT_STATUSTYPE_ocsp) == ocsp);
    CHECK(response("stapled.example", version, -1).empty());
    CHECK(response("first.example", version, TLSEXT_STATUSTYPE_ocsp).empty());
  }
}

TEST_CASE("a client is known by its certificate, once that is checked") {
  TlsStage stage;
  const auto trusted = [&](auto& settings) { settings.client_trust = stage.trust(stage.authority); };
  const auto identity_of = [&](const Identity& identity, int version) {
    const auto client = test::client_context(version);
    use_identity(client, identity);
    PeerClient f(client, trusted);
    CHECK(!f.server.tls()->peer_identity());
    f.establish();
    const auto known = f.server.tls()->peer_identity();
    REQUIRE(known);
    f.stream().close();
    CHECK(!f.server.tls()->peer_identity());
    return *known;
  };
  const auto ann = stage.authority.issue({.common_name = "Ann\n\xc3\x84, \"x\"", .alternatives = ""});
  const auto nameless = stage.authority.issue({.common_name = ""});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto known = identity_of(ann, version);
    CHECK(known.subject == R"(CN=Ann\0A\C3\84\, \"x\")");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(ann.certificate.get(), EVP_sha256(), digest, &size);
    CHECK(known.fingerprint == to_hex(Bytes{digest, size}));
    CHECK(identity_of(nameless, version).subject.empty());
  }
}

TEST_CASE("a client whose certificate is from somebody else is refused, by either version") {
  TlsStage stage;
  const Authority other("Somebody else");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto client = test::client_context(version);
    use_identity(client, other.issue({.common_name = "Eve"}));
    PeerClient f(client, [&](auto& settings) { settings.client_trust = stage.trust(stage.authority); });
    REQUIRE(f.peer.go_on());
    f.until([&] { return f.recorder.end.has_value(); });
    CHECK(f.stream().failure() == "TLS: certificate verify failed: unable to get local issuer certificate");
    CHECK(!f.server.tls()->peer_identity());
    CHECK(f.loop.tls_counts().clients.failed.read() == 1);
    CHECK(f.loop.tls_counts().clients.full.read() == 0);
  }
}

TEST_CASE("a client is told whose certificates are wanted") {
  TlsStage stage;
  static int names = 0;
  const auto client = test::client_context();
  SSL_CTX_set_client_cert_cb(client.get(), [](SSL* ssl, X509**, EVP_PKEY**) {
    names = sk_X509_NAME_num(SSL_get_client_CA_list(ssl));
    return 0;
  });
  PeerClient f(client, [&](auto& settings) { settings.client_trust = stage.trust(stage.authority); });
  REQUIRE(f.peer.go_on());
  f.until([&] { return f.recorder.end.has_value(); });
  CHECK(names == 1);
}

TEST_CASE("a name that nobody could check is no name to connect to") {
  TlsStage stage;
  const auto context = stage.make(stage.trust(stage.authority));
  CHECK(context.new_connection("localhost", stage.address) != nullptr);
  CHECK(context.new_connection(std::string(256, 'a'), stage.address) == nullptr);
  CHECK(context.new_connection(std::string("localhost\0.example", 18), stage.address) == nullptr);
}

TEST_CASE("of two certificates with the same names and kind of key one would never be served, so they are refused") {
  TlsStage stage;
  auto settings = stage.settings();
  settings.certificates = {stage.certificate(stage.authority.issue({})), stage.certificate(stage.authority.issue({}))};
  const auto made = TlsServerContext::make(settings);
  REQUIRE(!made);
  CHECK(made.error().detail == settings.certificates.back()->file() +
                                   ": another certificate before it has the same names and the same kind of key");
  settings.certificates.back() = stage.certificate(stage.authority.issue({.alternatives = "DNS:other"}));
  CHECK(TlsServerContext::make(settings));
}

TEST_CASE("a certificate that OpenSSL does not want makes no context") {
  TlsStage stage;
  auto weak = stage.authority.issue({});
  test::insist(X509_sign(weak.certificate.get(), stage.authority.self().key.get(), EVP_sha1()) > 0);
  auto settings = stage.settings();
  settings.certificates = {stage.certificate(weak)};
  const auto made = TlsServerContext::make(settings);
  REQUIRE(!made);
  CHECK(made.error().code == Code::kConfiguration);
  CHECK(made.error().detail == settings.certificates.back()->file() + ": ca md too weak");
}

}  // namespace drover::net
