// A server's certificate with its chain, its key and perhaps an OCSP response: read from files and checked once, then
// shared by all threads, immutable.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "net/openssl.h"

namespace drover::net {

class TlsCertificate {
 public:
  // PEM, but `ocsp`, which is DER (RFC 6960), or empty for none. Blocks on the disk. Errors: kConfiguration, with file
  // and reason; a key with a pass phrase is one.
  static Result<std::shared_ptr<const TlsCertificate>> load(const std::string& cert, const std::string& key,
                                                            const std::string& ocsp);

  const std::string& file() const { return file_; }  // of the certificate
  // Of servers: the DNS names among its alternative names, or, without any, its common name. Lower case, sorted; a
  // leading "*." stands for one label.
  const std::vector<std::string>& names() const { return names_; }
  std::chrono::system_clock::time_point not_before() const { return not_before_; }
  std::chrono::system_clock::time_point not_after() const { return not_after_; }

  // Whether their files are called the same and said the same: chain, key and OCSP response.
  bool is_same_as(const TlsCertificate& other) const;

  // For the contexts of this folder.
  x509_st* certificate() const { return certificate_.get(); }
  const std::vector<OpenSslOwner<x509_st>>& chain() const { return chain_; }
  evp_pkey_st* key() const { return key_.get(); }
  Bytes ocsp() const { return ocsp_; }

 private:
  TlsCertificate() = default;
  Result<void> read_chain(const std::string& file);
  Result<void> read_key(const std::string& file);
  Result<void> read_ocsp(const std::string& file);
  void note_names();

  std::string file_;
  std::vector<std::string> names_;
  std::chrono::system_clock::time_point not_before_;
  std::chrono::system_clock::time_point not_after_;
  OpenSslOwner<x509_st> certificate_;
  std::vector<OpenSslOwner<x509_st>> chain_;  // those that vouch for it
  OpenSslOwner<evp_pkey_st> key_;
  std::vector<std::uint8_t> ocsp_;
};

// Of ASCII: a DNS name in the form in which names are compared.
std::string lower_case(std::string_view text);

// Whether a name of a certificate covers `host`, which is lower case: the same, or "*." for its first label (RFC 6125
// section 6.4.3).
bool covers(std::string_view certificate_name, std::string_view host);

// Whether the certificate that the other side has shown when `session` began is not valid any more. Without one: no.
bool peer_has_expired(ssl_session_st& session);

}  // namespace drover::net
