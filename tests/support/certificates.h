// Keys and certificates for tests, made on the spot with OpenSSL: nothing that expires lies in the tree.
#pragma once

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drover::test {

// What must not fail in a test's own preparations.
inline void insist(bool holds) {
  if (!holds) std::abort();
}

enum class KeyKind { kEc, kRsa };  // P-256, RSA-2048

struct Wish {
  std::string common_name = "localhost";                    // empty: a subject without any name
  std::string alternatives = "DNS:localhost,IP:127.0.0.1";  // as in openssl.cnf's subjectAltName; empty: none
  long from = -3600;                                        // seconds from now
  long to = 30L * 24 * 3600;                                // seconds from now
  KeyKind key = KeyKind::kEc;
};

struct Identity {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;
};

template <class Write>
std::string pem_of(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  insist(write(memory.get()) == 1);
  std::string text(static_cast<std::size_t>(BIO_ctrl_pending(memory.get())), '\0');
  insist(BIO_read(memory.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
  return text;
}
inline std::string certificate_pem(const Identity& identity) {
  return pem_of([&](BIO* to) { return PEM_write_bio_X509(to, identity.certificate.get()); });
}
// A pass phrase that is empty is none.
inline std::string key_pem(const Identity& identity, const std::string& pass_phrase = "") {
  return pem_of([&](BIO* to) {
    const auto* const phrase = reinterpret_cast<const unsigned char*>(pass_phrase.data());
    const EVP_CIPHER* const cipher = pass_phrase.empty() ? nullptr : EVP_aes_256_cbc();
    return PEM_write_bio_PrivateKey(to, identity.key.get(), cipher, phrase, static_cast<int>(pass_phrase.size()),
                                    nullptr, nullptr);
  });
}

inline std::string write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

inline std::shared_ptr<EVP_PKEY> new_key(KeyKind kind) {
  EVP_PKEY* const made =
      kind == KeyKind::kEc ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", 2048UL);
  insist(made != nullptr);
  return {made, EVP_PKEY_free};
}

// An authority with a key of its own, which vouches for others.
class Authority {
 public:
  explicit Authority(const std::string& name) {
    self_ = draw_up({.common_name = name, .alternatives = ""}, nullptr);
    extend(self_, NID_basic_constraints, "critical,CA:TRUE");
    extend(self_, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(self_, NID_subject_key_identifier, "hash");
    insist(X509_sign(self_.certificate.get(), self_.key.get(), EVP_sha256()) > 0);
  }

  const Identity& self() const { return self_; }
  Identity issue(const Wish& wish) const {
    Identity made = draw_up(wish, self_.certificate.get());
    insist(X509_sign(made.certificate.get(), self_.key.get(), EVP_sha256()) > 0);
    return made;
  }
  // One that may vouch for others itself.
  Authority issue_authority(const std::string& name) const {
    Authority made(name);
    insist(X509_set_issuer_name(made.self_.certificate.get(), X509_get_subject_name(self_.certificate.get())) == 1);
    insist(X509_sign(made.self_.certificate.get(), self_.key.get(), EVP_sha256()) > 0);
    return made;
  }
  // The list of what it has revoked, in PEM. The next is due in so many seconds.
  std::string revocations(const std::vector<Identity>& revoked, long next_update = 24L * 3600) const {
    const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), X509_CRL_free);
    X509_CRL_set_version(list.get(), 1);  // v2
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(self_.certificate.get()));
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(X509_gmtime_adj(nullptr, -60), ASN1_TIME_free);
    X509_CRL_set1_lastUpdate(list.get(), time.get());
    for (const Identity& each : revoked) {
      X509_REVOKED* const entry = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(each.certificate.get()));
      X509_REVOKED_set_revocationDate(entry, time.get());
      X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_gmtime_adj(time.get(), next_update);
    X509_CRL_set1_nextUpdate(list.get(), time.get());
    insist(X509_CRL_sign(list.get(), self_.key.get(), EVP_sha256()) > 0);
    return pem_of([&](BIO* to) { return PEM_write_bio_X509_CRL(to, list.get()); });
  }
  // An OCSP response in DER that `identity` is good.
  std::string ocsp(const Identity& identity) const {
    OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
    OCSP_CERTID* const id = OCSP_cert_to_id(nullptr, identity.certificate.get(), self_.certificate.get());
    ASN1_TIME* const now = X509_gmtime_adj(nullptr, 0);
    insist(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, now, nullptr) != nullptr);
    insist(OCSP_basic_sign(basic, self_.certificate.get(), self_.key.get(), EVP_sha256(), nullptr, 0) == 1);
    const auto der = ocsp_der(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    ASN1_TIME_free(now);
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(basic);
    return der;
  }
  static std::string ocsp_der(int status, OCSP_BASICRESP* basic) {
    const std::unique_ptr<OCSP_RESPONSE, decltype(&OCSP_RESPONSE_free)> response(OCSP_response_create(status, basic),
                                                                                 OCSP_RESPONSE_free);
    unsigned char* bytes = nullptr;
    const int size = i2d_OCSP_RESPONSE(response.get(), &bytes);
    insist(size > 0);
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
  }

 private:
  static void extend(const Identity& identity, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, identity.certificate.get(), identity.certificate.get(), nullptr, nullptr, 0);
    X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    insist(made != nullptr && X509_add_ext(identity.certificate.get(), made, -1) == 1);
    X509_EXTENSION_free(made);
  }

  // All but the signature. `issuer` null: itself.
  static Identity draw_up(const Wish& wish, X509* issuer) {
    const Identity made{{X509_new(), X509_free}, new_key(wish.key)};
    X509* const certificate = made.certificate.get();
    static std::atomic<long> serial = 1;
    X509_set_version(certificate, 2);  // v3
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.to);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    const auto* const name = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
    if (!wish.common_name.empty()) X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer == nullptr ? subject : X509_get_subject_name(issuer));
    X509_set_pubkey(certificate, made.key.get());
    if (!wish.alternatives.empty()) extend(made, NID_subject_alt_name, wish.alternatives);
    return made;
  }

  Identity self_;
};

}  // namespace drover::test
