// Each by its own name.
#include "net/openssl.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace drover::net {

void FreeOpenSsl::operator()(ssl_st* ssl) const noexcept {
  SSL_free(ssl);
}
void FreeOpenSsl::operator()(ssl_ctx_st* context) const noexcept {
  SSL_CTX_free(context);
}
void FreeOpenSsl::operator()(ssl_session_st* session) const noexcept {
  SSL_SESSION_free(session);
}
void FreeOpenSsl::operator()(x509_st* certificate) const noexcept {
  X509_free(certificate);
}
void FreeOpenSsl::operator()(x509_store_st* store) const noexcept {
  X509_STORE_free(store);
}
void FreeOpenSsl::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}
void FreeOpenSsl::operator()(bio_st* bio) const noexcept {
  BIO_free(bio);
}

}  // namespace drover::net
