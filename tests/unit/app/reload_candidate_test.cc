// What a file says beside what is in force: nothing new, something, or nothing good; the files of TLS included.
#include "app/reload_candidate.h"

#include <doctest/doctest.h>

#include <string>

#include "support/certificates.h"
#include "support/scratch_folder.h"

namespace drover::app {

namespace {

constexpr const char* kConfiguration = R"(
listeners: [{bind: "127.0.0.1:0", tls: {certificates: [{cert: cert.pem, key: key.pem, ocsp: ocsp.der}], client_ca: ca.pem}}]
backends: [{address: "127.0.0.1:1", tls: {ca: ca.pem, crl: crl.pem}}]
)";

struct Fixture {
  Fixture() {
    write("drover.yaml", kConfiguration);
    show(identity);
    write("ca.pem", test::certificate_pem(authority.self()));
    write("crl.pem", authority.revocations({}));
    in_force.file = folder / "drover.yaml";
    in_force.ticket_keys = std::make_shared<net::TicketKeys>();
    in_force.tls.trusts = std::make_shared<net::TlsTrusts>();
    auto first = read();
    REQUIRE(first.errors.empty());
    in_force = std::move(first.setup);
  }
  void write(const char* name, const std::string& text) { test::write_file(folder / name, text); }
  void show(const test::Identity& shown) {
    write("cert.pem", test::certificate_pem(shown));
    write("key.pem", test::key_pem(shown));
    write("ocsp.der", authority.ocsp(shown));
  }
  ReloadCandidate read() { return read_candidate(in_force.file, in_force, in_force.ticket_keys); }

  ScratchFolder folder;
  test::Authority authority{"Root"};
  test::Identity identity = authority.issue({});
  Setup in_force;
};

}  // namespace

TEST_CASE("candidate: equal files are no change, and what was read before is kept") {
  Fixture it;
  it.write("drover.yaml", std::string("# other words\n") + kConfiguration);
  it.write("crl.pem", "some words before it\n" + it.authority.revocations({}));
  const auto candidate = it.read();
  CHECK(candidate.errors.empty());
  CHECK(candidate.setup.tls.listeners[0]->certificates == it.in_force.tls.listeners[0]->certificates);
  CHECK(candidate.setup.ticket_keys == it.in_force.ticket_keys);
  CHECK(candidate.setup.file == it.in_force.file);
}

TEST_CASE("candidate: a file of TLS that says something else is a change") {
  Fixture it;
  std::string named;
  SUBCASE("certificate") {
    it.show(it.authority.issue({}));
    named = "listener '127.0.0.1:0'";
  }
  SUBCASE("OCSP response") {
    it.write("ocsp.der", test::Authority("Other").ocsp(it.identity));
    named = "listener '127.0.0.1:0'";
  }
  SUBCASE("revocations") {
    it.write("crl.pem", it.authority.revocations({it.identity}));
    named = "pools";
  }
  const auto candidate = it.read();
  CHECK(candidate.errors.empty());
  REQUIRE(candidate.changes.size() == 1);
  CHECK_MESSAGE(candidate.changes[0].starts_with(named), candidate.changes[0]);
}

TEST_CASE("candidate: authorities are both sides'") {
  Fixture it;
  it.write("ca.pem", test::certificate_pem(test::Authority("Other").self()));
  CHECK(it.read().changes.size() == 2);
}

TEST_CASE("candidate: all that is wrong is told, with its place") {
  Fixture it;
  it.write("drover.yaml", std::string(kConfiguration) + "workers: 3\n");
  it.write("key.pem", "");
  const auto candidate = it.read();
  REQUIRE(candidate.errors.size() == 2);
  CHECK(candidate.errors[0].starts_with(it.in_force.file + ": error: listeners[0].tls.certificates[0]: "));
  CHECK(candidate.errors[1].find("workers") != std::string::npos);
  it.write("drover.yaml", "listn: 1");
  CHECK(it.read().errors[0].starts_with(it.in_force.file + ":1:1: error: unknown key 'listn'"));
}

}  // namespace drover::app
