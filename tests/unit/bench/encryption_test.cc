#include "bench/load/encryption.h"

#include <doctest/doctest.h>

namespace drover::bench {

namespace {

std::string objection(Tls wanted, std::uint64_t full, std::uint64_t resumed) {
  LoadOptions options;
  options.sessions = 50;
  options.tls = wanted;
  return objection_to({.full = full, .resumed = resumed, .agreed = {}}, options);
}

}  // namespace

TEST_CASE("where all handshakes are to be full, one that resumes is too many") {
  CHECK(objection(Tls::kFull, 900, 0).empty());
  CHECK(objection(Tls::kFull, 900, 1) == "1 of 901 handshakes resumed a session: none was to");
  CHECK(objection(Tls::kFull, 0, 0) == "no TLS handshake came to its end");
}

TEST_CASE("where sessions are to be resumed, each client begins with a full handshake, and that is all") {
  CHECK(objection(Tls::kResumed, 50, 900).empty());
  CHECK(objection(Tls::kResumed, 51, 900) == "51 of 951 handshakes were full: only the first of each client was to be");
  CHECK(objection(Tls::kResumed, 50, 0) == "no TLS session was resumed");
}

}  // namespace drover::bench
