// OpenSSL itself as the other end of a connection, between two buffers: it says what a test has it say, and what it
// writes is the test's to cut, hold back or spoil.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "support/certificates.h"

namespace drover::test {

using Context = std::shared_ptr<SSL_CTX>;

// Believes anybody.
inline Context client_context(int newest = TLS1_3_VERSION) {
  const Context made(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  insist(made != nullptr && SSL_CTX_set_max_proto_version(made.get(), newest) == 1);
  return made;
}
inline Context server_context(const Identity& identity, int newest = TLS1_3_VERSION) {
  const Context made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  insist(made != nullptr && SSL_CTX_set_max_proto_version(made.get(), newest) == 1);
  insist(SSL_CTX_use_certificate(made.get(), identity.certificate.get()) == 1);
  insist(SSL_CTX_use_PrivateKey(made.get(), identity.key.get()) == 1);
  return made;
}

class OpenSslPeer {
 public:
  // Client or server, as its context is.
  explicit OpenSslPeer(const Context& context) : ssl_(SSL_new(context.get()), SSL_free) {
    insist(ssl_ != nullptr);
    SSL_set_bio(ssl(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl()), -1);  // empty: later
    if (SSL_is_server(ssl()) != 0) {
      SSL_set_accept_state(ssl());
    } else {
      SSL_set_connect_state(ssl());
    }
  }

  // Its session is good for another connection however this one ends.
  ~OpenSslPeer() { SSL_set_shutdown(ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
  OpenSslPeer(const OpenSslPeer&) = delete;
  OpenSslPeer& operator=(const OpenSslPeer&) = delete;

  SSL* ssl() const { return ssl_.get(); }
  bool is_open() const { return SSL_is_init_finished(ssl()) == 1; }
  // What has come from the wire; to be followed by read() or go_on().
  void give(std::string_view bytes) {
    if (!bytes.empty()) insist(BIO_write(SSL_get_rbio(ssl()), bytes.data(), as_int(bytes.size())) > 0);
  }
  // What it wants on the wire.
  std::string take() {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl())), '\0');
    if (!bytes.empty()) insist(BIO_read(SSL_get_wbio(ssl()), bytes.data(), as_int(bytes.size())) > 0);
    return bytes;
  }
  // The handshake, as far as it goes. False: it has failed.
  bool go_on() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl());
    return done == 1 || SSL_get_error(ssl(), done) == SSL_ERROR_WANT_READ;
  }
  // The plain bytes of what has come; `error` says what stopped it (SSL_ERROR_WANT_READ: there is no more yet).
  std::string read() {
    std::string text;
    char room[16'384];
    for (;;) {
      ERR_clear_error();
      const int size = SSL_read(ssl(), room, sizeof(room));
      error = SSL_get_error(ssl(), size);
      if (size <= 0) return text;
      text.append(room, static_cast<std::size_t>(size));
    }
  }
  // False: it cannot any more.
  bool write(std::string_view text) {
    ERR_clear_error();
    return text.empty() || SSL_write(ssl(), text.data(), as_int(text.size())) > 0;
  }
  // close_notify.
  void finish_writing() { SSL_shutdown(ssl()); }

  int error = SSL_ERROR_NONE;  // of the last read()

 private:
  static int as_int(std::size_t size) { return static_cast<int>(size); }
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

}  // namespace drover::test
