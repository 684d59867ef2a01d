// What is made of OpenSSL's error queue.
#include "net/tls_error.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

namespace drover::net {

TEST_CASE("an error of OpenSSL's in a line: TLS's own first, else the first, else the system's or what we know") {
  REQUIRE(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr) == 1);  // as every context does
  const auto text = [](auto... raise) {
    ERR_clear_error();
    (raise(), ...);
    const auto taken = take_openssl_error("what we know");
    CHECK(ERR_peek_error() == 0);
    return taken;
  };
  const auto tls = [] { ERR_raise(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER); };
  const auto tls_later = [] { ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH); };
  const auto alert = [] { ERR_raise(ERR_LIB_SSL, SSL_R_TLSV1_ALERT_UNKNOWN_CA); };
  const auto internal = [] { ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR); };
  const auto unsupported = [] { ERR_raise(ERR_LIB_OSSL_DECODER, ERR_R_UNSUPPORTED); };
  const auto cipher = [] { ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT); };
  const auto system = [] { ERR_raise(ERR_LIB_SYS, ENOENT); };
  CHECK(text() == "what we know");
  CHECK(text(tls) == "no shared cipher");
  CHECK(text(tls, tls_later) == "no shared cipher");
  CHECK(text(cipher, tls) == "no shared cipher");
  CHECK(text(cipher, unsupported) == "bad decrypt");
  CHECK(text(system, cipher) == "No such file or directory");
  CHECK(text(alert) == "the peer's alert: tlsv1 alert unknown ca");
  CHECK(text(unsupported) == "unsupported");
  CHECK(text(internal) == "internal error");
}

}  // namespace drover::net
