// What is wrong with a file is told with its name; the rest is OpenSSL's.
#include "net/tls_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "net/tls_error.h"
#include "net/tls_file.h"

namespace drover::net {

namespace {

// Nobody is there to type one in.
int no_pass_phrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::string_view text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

bool covers(std::string_view certificate_name, std::string_view host) {
  if (!certificate_name.starts_with("*.")) return certificate_name == host;
  const auto first_dot = host.find('.');
  return first_dot != 0 && first_dot != std::string_view::npos && host.substr(first_dot) == certificate_name.substr(1);
}

bool peer_has_expired(ssl_session_st& session) {
  const X509* const certificate = SSL_SESSION_get0_peer(&session);
  return certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

Result<std::shared_ptr<const TlsCertificate>> TlsCertificate::load(const std::string& cert, const std::string& key,
                                                                   const std::string& ocsp) {
  std::shared_ptr<TlsCertificate> loaded(new TlsCertificate);
  loaded->file_ = cert;
  if (auto read = loaded->read_chain(cert); !read) return std::unexpected(read.error());
  if (auto read = loaded->read_key(key); !read) return std::unexpected(read.error());
  if (!ocsp.empty()) {
    if (auto read = loaded->read_ocsp(ocsp); !read) return std::unexpected(read.error());
  }
  return loaded;
}

Result<void> TlsCertificate::read_chain(const std::string& file) {
  const auto opened = open_tls_file(file);
  if (!opened) return std::unexpected(opened.error());
  certificate_.reset(PEM_read_bio_X509_AUX(opened->get(), nullptr, nullptr, nullptr));
  if (certificate_ == nullptr) return refuse_file(file, "no certificate in PEM: " + take_openssl_error("not readable"));
  while (X509* next = PEM_read_bio_X509(opened->get(), nullptr, nullptr, nullptr)) chain_.emplace_back(next);
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {  // that would be the end of the file
    return refuse_file(file, "certificate " + std::to_string(chain_.size() + 2) +
                                 " of the chain: " + take_openssl_error("not readable"));
  }
  ERR_clear_error();
  not_before_ = time_of(X509_get0_notBefore(certificate_.get()));
  not_after_ = time_of(X509_get0_notAfter(certificate_.get()));
  note_names();
  return {};
}

Result<void> TlsCertificate::read_key(const std::string& file) {
  const auto opened = open_tls_file(file);
  if (!opened) return std::unexpected(opened.error());
  bool has_pass_phrase = false;
  key_.reset(PEM_read_bio_PrivateKey(opened->get(), nullptr, no_pass_phrase, &has_pass_phrase));
  if (has_pass_phrase) {
    ERR_clear_error();
    return refuse_file(file,
                       "the key has a pass phrase, and nobody is there to type it in; 'openssl pkey' takes it away");
  }
  if (key_ == nullptr) return refuse_file(file, "no private key in PEM: " + take_openssl_error("not readable"));
  if (X509_check_private_key(certificate_.get(), key_.get()) != 1) {
    ERR_clear_error();
    return refuse_file(file, "this key does not belong to the first certificate in " + file_);
  }
  return {};
}

Result<void> TlsCertificate::read_ocsp(const std::string& file) {
  const auto opened = open_tls_file(file);
  if (!opened) return std::unexpected(opened.error());
  constexpr std::size_t kMost = 64 * 1024;  // real ones have a few KiB
  ocsp_.resize(kMost);
  std::size_t size = 0;
  BIO_read_ex(opened->get(), ocsp_.data(), ocsp_.size(), &size);
  ocsp_.resize(size);
  ocsp_.shrink_to_fit();
  const unsigned char* at = ocsp_.data();
  OCSP_RESPONSE* response = d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(ocsp_.size()));
  if (response == nullptr) return refuse_file(file, "no OCSP response in DER: " + take_openssl_error("not readable"));
  const int status = OCSP_response_status(response);
  OCSP_RESPONSE_free(response);
  if (at != ocsp_.data() + ocsp_.size()) return refuse_file(file, "no OCSP response in DER: there is more behind it");
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return refuse_file(
        file, std::string("an OCSP response that says no more than '") + OCSP_response_status_str(status) + "'");
  }
  return {};
}

bool TlsCertificate::is_same_as(const TlsCertificate& other) const {
  const auto same = [](const OpenSslOwner<X509>& one, const OpenSslOwner<X509>& another) {
    return X509_cmp(one.get(), another.get()) == 0;
  };
  return file_ == other.file_ && same(certificate_, other.certificate_) &&
         std::ranges::equal(chain_, other.chain_, same) && EVP_PKEY_eq(key_.get(), other.key_.get()) == 1 &&
         ocsp_ == other.ocsp_;
}

void TlsCertificate::note_names() {
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate_.get(), NID_subject_alt_name, nullptr, nullptr));
  for (int at = 0; at < sk_GENERAL_NAME_num(alternatives); ++at) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, at);
    if (name->type == GEN_DNS) names_.push_back(lower_case(text_of(name->d.dNSName)));
  }
  GENERAL_NAMES_free(alternatives);
  if (names_.empty()) {
    const X509_NAME* subject = X509_get_subject_name(certificate_.get());
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) names_.push_back(lower_case(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  }
  std::ranges::sort(names_);
}

}  // namespace drover::net
