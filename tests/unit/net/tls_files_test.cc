// Certificates, keys, OCSP responses, authorities and lists of revoked ones from files, and what is said of bad ones.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "net/tls_certificate.h"
#include "net/tls_trust.h"
#include "support/certificates.h"
#include "support/scratch_folder.h"

namespace drover::net {

namespace {

using test::Authority;
using test::Identity;
using test::insist;
using test::write_file;

struct Files {
  std::string write(const char* name, std::string_view text) { return write_file(folder / name, text); }
  // Why it is refused, without the file's name, which must come first.
  static std::string reason(const std::string& file, const auto& loaded) {
    REQUIRE(!loaded);
    CHECK(loaded.error().code == Code::kConfiguration);
    CHECK(loaded.error().side == Side::kDrover);
    REQUIRE(loaded.error().detail.starts_with(file + ": "));
    return loaded.error().detail.substr(file.size() + 2);
  }
  std::string certificate_error(const std::string& file) { return reason(file, TlsCertificate::load(file, key, "")); }
  std::string key_error(const std::string& file) { return reason(file, TlsCertificate::load(cert, file, "")); }
  std::string ocsp_error(const std::string& file) { return reason(file, TlsCertificate::load(cert, key, file)); }
  static std::string ca_error(const std::string& file) { return reason(file, TlsTrust::load(file, "")); }
  std::string crl_error(const std::string& file) { return reason(file, TlsTrust::load(ca, file)); }
  static std::string cut(std::string text) { return text.substr(0, text.size() / 2); }

  ScratchFolder folder;
  Authority authority{"Test authority"};
  Identity identity = authority.issue({});
  std::string cert = write("cert.pem", certificate_pem(identity));
  std::string key = write("key.pem", key_pem(identity));
  std::string ca = write("ca.pem", certificate_pem(authority.self()));
};

constexpr const char* kNoFile = "No such file or directory";

}  // namespace

TEST_CASE("a certificate that is valid longer than the clock can tell is valid") {
  Files f;
  const auto ever = f.authority.issue({});
  insist(ASN1_TIME_set_string(X509_getm_notBefore(ever.certificate.get()), "19500101000000Z") == 1);
  insist(ASN1_TIME_set_string(X509_getm_notAfter(ever.certificate.get()), "99991231235959Z") == 1);
  const auto loaded =
      TlsCertificate::load(f.write("ever.pem", certificate_pem(ever)), f.write("ever.key", key_pem(ever)), "");
  REQUIRE_MESSAGE(loaded, loaded.error().detail);
  const auto now = std::chrono::system_clock::now();
  CHECK((*loaded)->not_before() < now);
  CHECK((*loaded)->not_after() > now + std::chrono::years(200));
}

TEST_CASE("a certificate is loaded with its chain, key and OCSP response") {
  Files f;
  const auto middle = f.authority.issue_authority("Middle");
  const auto leaf = middle.issue({.alternatives = "DNS:b.example,DNS:*.A.example,IP:127.0.0.1,DNS:a.example"});
  const auto cert = f.write("chain.pem", "Some words first.\n" + certificate_pem(leaf) +
                                             certificate_pem(middle.self()) + certificate_pem(f.authority.self()));
  const auto ocsp = middle.ocsp(leaf);
  const auto loaded = TlsCertificate::load(cert, f.write("leaf.key", key_pem(leaf)), f.write("response.der", ocsp));
  REQUIRE_MESSAGE(loaded, loaded.error().detail);
  const auto& one = **loaded;
  CHECK(one.file() == cert);
  CHECK(one.names() == std::vector<std::string>{"*.a.example", "a.example", "b.example"});
  CHECK(one.chain().size() == 2);
  CHECK(as_text(one.ocsp()) == ocsp);
  const auto now = std::chrono::system_clock::now();
  CHECK(std::chrono::abs(now - std::chrono::hours(1) - one.not_before()) < std::chrono::minutes(1));
  CHECK(std::chrono::abs(now + std::chrono::days(30) - one.not_after()) < std::chrono::minutes(1));
}

TEST_CASE("a certificate without alternative names goes by its common name, one with them does not") {
  Files f;
  const auto names = [&](const test::Wish& wish) {
    const auto identity = f.authority.issue(wish);
    const auto loaded = TlsCertificate::load(f.write("named.pem", certificate_pem(identity)),
                                             f.write("named.key", key_pem(identity)), "");
    REQUIRE(loaded);
    return (*loaded)->names();
  };
  CHECK(names({.common_name = "Chat.Example", .alternatives = ""}) == std::vector<std::string>{"chat.example"});
  CHECK(names({.common_name = "chat.example", .alternatives = "DNS:b.example"}) ==
        std::vector<std::string>{"b.example"});
  CHECK(names({.common_name = "", .alternatives = ""}).empty());
}

TEST_CASE("one file may have the key and the certificate") {
  Files f;
  for (const auto& text :
       {key_pem(f.identity) + certificate_pem(f.identity), certificate_pem(f.identity) + key_pem(f.identity)}) {
    const auto both = f.write("both.pem", text);
    CHECK(TlsCertificate::load(both, both, ""));
  }
}

TEST_CASE("what is wrong with a file is told with its name and the reason") {
  Files f;
  const auto missing = f.folder / "missing";
  const auto empty = f.write("empty", "");
  const auto text = f.write("text", "no PEM at all\n");
  const auto cut = f.write("cut", Files::cut(certificate_pem(f.identity)));
  const auto second_cut = f.write("second_cut", certificate_pem(f.identity) + Files::cut(certificate_pem(f.identity)));
  const auto broken = f.write("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

  CHECK(f.certificate_error(missing) == kNoFile);
  CHECK(f.certificate_error(f.folder / ".") == "is a directory");
  CHECK(f.certificate_error(empty) == "no certificate in PEM: no start line");
  CHECK(f.certificate_error(text) == "no certificate in PEM: no start line");
  CHECK(f.certificate_error(cut) == "no certificate in PEM: bad end line");
  CHECK(f.certificate_error(broken) == "no certificate in PEM: wrong tag");
  CHECK(f.certificate_error(second_cut) == "certificate 2 of the chain: bad end line");

  CHECK(f.key_error(missing) == kNoFile);
  CHECK(f.key_error(empty) == "no private key in PEM: unsupported");
  CHECK(f.key_error(f.cert) == "no private key in PEM: unsupported");
  const auto locked = f.write("locked.key", key_pem(f.identity, "secret"));
  CHECK(f.key_error(locked) ==
        "the key has a pass phrase, and nobody is there to type it in; 'openssl pkey' takes it away");
  const auto others = f.write("others.key", key_pem(f.authority.issue({})));
  CHECK(f.key_error(others) == "this key does not belong to the first certificate in " + f.cert);
  const auto rsa = f.write("rsa.key", key_pem(f.authority.issue({.key = test::KeyKind::kRsa})));
  CHECK(f.key_error(rsa) == "this key does not belong to the first certificate in " + f.cert);

  const auto ocsp = f.authority.ocsp(f.identity);
  CHECK(f.ocsp_error(missing) == kNoFile);
  CHECK(f.ocsp_error(empty) == "no OCSP response in DER: too small");
  CHECK(f.ocsp_error(text) == "no OCSP response in DER: too long");
  CHECK(f.ocsp_error(f.write("cut.der", Files::cut(ocsp))) == "no OCSP response in DER: too long");
  CHECK(f.ocsp_error(f.write("more.der", ocsp + "x")) == "no OCSP response in DER: there is more behind it");
  CHECK(f.ocsp_error(f.write("large.der", ocsp + std::string(70'000, 'x'))) ==
        "no OCSP response in DER: there is more behind it");
  const auto later = f.write("later.der", Authority::ocsp_der(OCSP_RESPONSE_STATUS_TRYLATER, nullptr));
  CHECK(f.ocsp_error(later) == "an OCSP response that says no more than 'trylater'");

  CHECK(Files::ca_error(missing) == kNoFile);
  CHECK(Files::ca_error(f.folder / ".") == "is a directory");
  CHECK(Files::ca_error(empty) == "no certificate of an authority in PEM: no start line");
  CHECK(Files::ca_error(cut) == "no certificate of an authority in PEM: bad end line");
  CHECK(Files::ca_error(second_cut) == "certificate 2: bad end line");

  CHECK(f.crl_error(missing) == kNoFile);
  CHECK(f.crl_error(empty) == "list 1 of revoked certificates: no start line");
  CHECK(f.crl_error(f.ca) == "list 1 of revoked certificates: no start line");
  const auto list = f.authority.revocations({});
  CHECK(f.crl_error(f.write("two.crl", list + Files::cut(list))) == "list 2 of revoked certificates: bad end line");
}

TEST_CASE("the reason is that of the file at hand, whatever has failed before") {
  Files f;
  auto odd = f.authority.issue({.alternatives = ""});
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> rubbish(ASN1_OCTET_STRING_new(),
                                                                                      ASN1_OCTET_STRING_free);
  ASN1_OCTET_STRING_set(rubbish.get(), reinterpret_cast<const unsigned char*>("rubbish"), 7);
  X509_EXTENSION* const names = X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, rubbish.get());
  X509_add_ext(odd.certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  test::insist(X509_sign(odd.certificate.get(), f.authority.self().key.get(), EVP_sha256()) > 0);
  const auto cert = f.write("odd.pem", certificate_pem(odd));
  const auto missing = f.folder / "missing";
  CHECK(Files::reason(missing, TlsCertificate::load(cert, missing, "")) == kNoFile);
  CHECK(Files::ca_error(missing) == kNoFile);
}

TEST_CASE("trust: the authorities of a file, of the system, and what they have revoked") {
  Files f;
  const Authority other("Other authority");
  const auto both = f.write("both.pem", certificate_pem(f.authority.self()) + certificate_pem(other.self()));
  const auto one = TlsTrust::load(f.ca, "");
  const auto again = TlsTrust::load(f.ca, f.write("list.crl", f.authority.revocations({f.identity})));
  const auto two = TlsTrust::load(both, "");
  REQUIRE(one);
  REQUIRE(again);
  REQUIRE(two);
  CHECK((*one)->digest() == (*again)->digest());
  CHECK((*one)->digest() != (*two)->digest());
  CHECK(TlsTrust::load("", ""));
}

TEST_CASE("a name of a certificate covers itself, or with a wildcard what has one label in its place") {
  CHECK(covers("a.example", "a.example"));
  CHECK(!covers("a.example", "b.a.example"));
  CHECK(!covers("a.example", "example"));
  CHECK(covers("*.example", "a.example"));
  CHECK(!covers("*.example", "example"));
  CHECK(!covers("*.example", ".example"));
  CHECK(!covers("*.example", "b.a.example"));
  CHECK(!covers("*.example", "a.example.org"));
  CHECK(!covers("a*.example", "ab.example"));
  CHECK(!covers("*", "example"));
  CHECK(!covers("*.example", ""));
  CHECK(!covers("", "example"));
}

}  // namespace drover::net
