// What the TLS files of a configuration are made of, and what is said of those that are no good.
#include "app/tls_material.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "config/load.h"
#include "support/certificates.h"
#include "support/scratch_folder.h"

namespace drover::app {

namespace {

using namespace std::chrono_literals;

struct Fixture {
  Fixture() {
    test::write_file(folder / "cert.pem", test::certificate_pem(identity));
    write_key("key.pem", 0600);
    test::write_file(folder / "empty.pem", "");
  }
  void write_key(const char* name, mode_t mode) {
    test::write_file(folder / name, test::key_pem(identity));
    REQUIRE(::chmod((folder / name).c_str(), mode) == 0);
  }
  LoadedTls load(const std::string& text) {
    const auto loaded = config::load_text(text, folder / "drover.yaml");
    REQUIRE_MESSAGE(loaded.config, loaded.diagnostics.text());
    return load_tls(*loaded.config, std::make_shared<net::TicketKeys>());
  }

  ScratchFolder folder;
  test::Authority authority{"Root"};
  test::Identity identity = authority.issue({});
};

constexpr const char* kGood = "{bind: '127.0.0.1:0', tls: {certificates: [{cert: cert.pem, key: key.pem}]}}";

}  // namespace

TEST_CASE("listeners with TLS have their settings at their place, and each certificate is told of once") {
  Fixture f;
  const auto loaded = f.load("listeners: [{bind: '127.0.0.1:0'}, " + std::string(kGood) + ", " + kGood +
                             "]\nbackends: ['127.0.0.1:1']");
  CHECK(loaded.errors.empty());
  CHECK(loaded.warnings.empty());
  const auto& listeners = loaded.material.listeners;
  REQUIRE(listeners.size() == 3);
  CHECK(!listeners[0]);
  REQUIRE(listeners[1]);
  CHECK(listeners[1]->certificates.size() == 1);
  CHECK(listeners[1]->min_version == net::TlsVersion::k12);
  REQUIRE(listeners[2]);
  CHECK(listeners[1]->ticket_keys == listeners[2]->ticket_keys);
  REQUIRE(loaded.material.certificates().size() == 1);
  CHECK(loaded.material.certificates()[0]->file() == f.folder / "cert.pem");
}

TEST_CASE("all that is wrong is told at once, with its place, file and reason") {
  Fixture f;
  const auto loaded = f.load(
      "listeners:\n"
      "- {bind: '127.0.0.1:0', tls: {certificates: [{cert: none.pem, key: key.pem}, {cert: cert.pem, key: empty.pem}],"
      " client_ca: empty.pem}}\n"
      "routes: [{pool: chat}]\n"
      "pools: {chat: {backends: [{name: web, address: '127.0.0.1:1', tls: {ca: none.pem}},"
      " {address: '127.0.0.1:2', tls: {crl: empty.pem}}]}}\n");
  REQUIRE(loaded.errors.size() == 5);
  const auto says = [&](std::size_t index, const std::string& place, const char* file) {
    CHECK_MESSAGE(loaded.errors[index].starts_with(place + ": " + (f.folder / file) + ": "), loaded.errors[index]);
  };
  says(0, "listeners[0].tls.certificates[0]", "none.pem");
  says(1, "listeners[0].tls.certificates[1]", "empty.pem");
  says(2, "listeners[0].tls.client_ca", "empty.pem");
  says(3, "pool 'chat', backend 'web', tls", "none.pem");
  says(4, "pool 'chat', backend '127.0.0.1:2', tls", "empty.pem");
}

TEST_CASE("a key that everybody can read is warned of") {
  Fixture f;
  f.write_key("key.pem", 0644);
  const auto loaded = f.load("listeners: [" + std::string(kGood) + "]\nbackends: ['127.0.0.1:1']");
  CHECK(loaded.errors.empty());
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(loaded.warnings[0].starts_with("listeners[0].tls.certificates[0]: " + (f.folder / "key.pem") + ": "));
}

TEST_CASE("a list of revoked certificates that is overdue is warned of") {
  Fixture f;
  test::write_file(f.folder / "ca.pem", test::certificate_pem(f.authority.self()));
  const std::string text =
      "listen: '127.0.0.1:0'\nbackends: [{address: '127.0.0.1:1', tls: {ca: ca.pem, crl: crl.pem}}]";
  test::write_file(f.folder / "crl.pem", f.authority.revocations({}, 60));
  CHECK(f.load(text).warnings.empty());
  test::write_file(f.folder / "crl.pem", f.authority.revocations({}, -1));
  const auto loaded = f.load(text);
  CHECK(loaded.errors.empty());
  REQUIRE(loaded.warnings.size() == 1);
  CHECK(loaded.warnings[0] ==
        "pool 'default', backend '127.0.0.1:1', tls: " + (f.folder / "crl.pem") + ": overdue, so nobody is believed");
}

TEST_CASE("whom to believe is read once, and is nobody's business where nothing is verified") {
  Fixture f;
  test::write_file(f.folder / "ca.pem", test::certificate_pem(f.authority.self()));
  const auto loaded = f.load(
      "listen: '127.0.0.1:0'\nbackends: [{address: '127.0.0.1:1', tls: {ca: ca.pem}},"
      " {address: '127.0.0.1:2', tls: {verify: false}}]");
  CHECK(loaded.errors.empty());
  const auto& trusts = *loaded.material.trusts;
  CHECK(trusts.of({.verify = true, .ca = f.folder / "ca.pem", .crl = ""}) != nullptr);
  CHECK(trusts.of({.verify = false, .ca = "", .crl = ""}) == nullptr);
}

TEST_CASE("what there is to worry about in a certificate's dates") {
  Fixture f;
  const auto loaded = f.load("listeners: [" + std::string(kGood) + "]\nbackends: ['127.0.0.1:1']");
  const auto& certificate = *loaded.material.certificates().at(0);
  const auto end = certificate.not_after();
  CHECK(concern_about(certificate, end - 15 * 24h).empty());
  CHECK(concern_about(certificate, end - 14 * 24h).empty());
  CHECK(concern_about(certificate, end - 14 * 24h + 1s) == "expires in 13 days");
  CHECK(concern_about(certificate, end - 1s) == "expires in 0 days");
  CHECK(concern_about(certificate, end) == "has expired");
  CHECK(concern_about(certificate, certificate.not_before() - 1s) == "is not valid yet");
}

}  // namespace drover::app
