// An X509_STORE, filled.
#include "net/tls_trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

#include "net/tls_error.h"
#include "net/tls_file.h"

namespace drover::net {

namespace {

// SHA-256 of the fingerprints of what a file has.
class FileDigest {
 public:
  FileDigest() : hash_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(hash_, EVP_sha256(), nullptr); }
  ~FileDigest() { EVP_MD_CTX_free(hash_); }
  FileDigest(const FileDigest&) = delete;
  FileDigest& operator=(const FileDigest&) = delete;

  // `digest`: X509_digest or X509_CRL_digest.
  template <class Object, class Digest>
  void add(const Object* object, Digest digest) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> fingerprint;
    unsigned size = 0;
    digest(object, EVP_sha256(), fingerprint.data(), &size);
    EVP_DigestUpdate(hash_, fingerprint.data(), size);
  }
  void write(std::array<std::uint8_t, 32>& digest) { EVP_DigestFinal_ex(hash_, digest.data(), nullptr); }

 private:
  EVP_MD_CTX* const hash_;
};

}  // namespace

Result<std::shared_ptr<const TlsTrust>> TlsTrust::load(const std::string& ca, const std::string& crl) {
  std::shared_ptr<TlsTrust> loaded(new TlsTrust);
  loaded->store_.reset(X509_STORE_new());
  if (loaded->store_ == nullptr) return refuse_file(ca, take_openssl_error("no memory"));
  if (!ca.empty()) {
    if (auto read = loaded->read_authorities(ca); !read) return std::unexpected(read.error());
  } else if (X509_STORE_set_default_paths(loaded->store_.get()) != 1) {
    return refuse_file("the system's authorities", take_openssl_error("cannot be read"));
  }
  if (!crl.empty()) {
    if (auto read = loaded->read_revocations(crl); !read) return std::unexpected(read.error());
  }
  return loaded;
}

Result<void> TlsTrust::read_authorities(const std::string& file) {
  const auto opened = open_tls_file(file);
  if (!opened) return std::unexpected(opened.error());
  FileDigest hash;
  int found = 0;
  while (const OpenSslOwner<X509> authority{PEM_read_bio_X509_AUX(opened->get(), nullptr, nullptr, nullptr)}) {
    hash.add(authority.get(), X509_digest);
    X509_STORE_add_cert(store_.get(), authority.get());
    ++found;
  }
  hash.write(digest_);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (found > 0 && at_end) return ERR_clear_error(), Result<void>();
  return refuse_file(file, (found == 0 ? "no certificate of an authority in PEM: "
                                       : "certificate " + std::to_string(found + 1) + ": ") +
                               take_openssl_error("not readable"));
}

Result<void> TlsTrust::read_revocations(const std::string& file) {
  const auto opened = open_tls_file(file);
  if (!opened) return std::unexpected(opened.error());
  FileDigest hash;
  int found = 0;
  while (X509_CRL* list = PEM_read_bio_X509_CRL(opened->get(), nullptr, nullptr, nullptr)) {
    hash.add(list, X509_CRL_digest);
    X509_STORE_add_crl(store_.get(), list);
    if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list)) {
      revocations_until_ = std::min(revocations_until_.value_or(time_of(next)), time_of(next));
    }
    X509_CRL_free(list);
    ++found;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (found == 0 || !at_end) {
    return refuse_file(
        file, "list " + std::to_string(found + 1) + " of revoked certificates: " + take_openssl_error("not readable"));
  }
  ERR_clear_error();
  hash.write(revocations_digest_);
  X509_STORE_set_flags(store_.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

}  // namespace drover::net
