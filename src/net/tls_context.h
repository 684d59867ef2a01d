// What the TLS connections of one loop and one purpose have in common, as OpenSSL's SSL_CTX: for those that come to a
// listener, and for those that go to backends. A loop has its own, since OpenSSL would share their counters between
// threads. Connections that are open keep what they need of it. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/openssl.h"
#include "net/ticket_keys.h"
#include "net/tls_certificate.h"
#include "net/tls_trust.h"

namespace drover::net {

class Address;

enum class TlsVersion : std::uint8_t { k12, k13 };

class TlsServerContext {
 public:
  struct Settings {
    // At least one. Picked by the name that the client asks for (SNI, RFC 6066 section 3): an exact name before a
    // wildcard, and the first certificate where none fits. Those for the very same names are served together, and
    // each client gets the one that it can check.
    std::vector<std::shared_ptr<const TlsCertificate>> certificates;
    TlsVersion min_version = TlsVersion::k12;
    std::shared_ptr<const TlsTrust> client_trust;  // clients need a certificate from these; null: none is asked for
    std::shared_ptr<TicketKeys> ticket_keys;

    // Whether connections would notice a difference.
    bool is_same_as(const Settings& other) const;
  };

  // Error: kConfiguration; OpenSSL does not want such a certificate (a key that is too short, …).
  static Result<TlsServerContext> make(const Settings& settings);

  // A server's side of a connection, without its BIO. Null: no memory.
  OpenSslOwner<ssl_st> new_connection() const;

 private:
  explicit TlsServerContext(OpenSslOwner<ssl_ctx_st> context) : context_(std::move(context)) {}
  OpenSslOwner<ssl_ctx_st> context_;
};

class TlsClientContext {
 public:
  enum class Resumption : std::uint8_t { kNone, kLastSession };
  // `trust` null: whoever answers is believed. Error: kOwnResources.
  static Result<TlsClientContext> make(const std::shared_ptr<const TlsTrust>& trust,
                                       Resumption resumption = Resumption::kLastSession);

  // A client's side of a connection, without its BIO. `server_name`: a host name or numeric address, which is asked for
  // (names alone, RFC 6066 section 3) and which the certificate must have; empty: that of `address`. The last session
  // with the same name and address is resumed, where that is wanted. Null: no memory, or a name that no certificate
  // could have.
  OpenSslOwner<ssl_st> new_connection(const std::string& server_name, const Address& address) const;

 private:
  explicit TlsClientContext(OpenSslOwner<ssl_ctx_st> context) : context_(std::move(context)) {}
  OpenSslOwner<ssl_ctx_st> context_;
};

// Writes the secrets of every connection from now on to the file that the environment names in SSLKEYLOGFILE, in the
// format of the same name, for tools such as Wireshark. Once, before any context is made. The file; empty: none is
// named. Error: kConfiguration.
Result<std::string> open_tls_key_log();

}  // namespace drover::net
