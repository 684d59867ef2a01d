// SSL_CTXs for a listener: one for each set of names that certificates have, the first of them being where every
// connection begins.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "net/tls_context.h"
#include "net/tls_error.h"
#include "net/tls_key_log.h"

namespace drover::net {

namespace {

// Forward secrecy and authenticated encryption alone; those of TLS 1.3 all have both.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// The quick ones: with the large finite fields, which OpenSSL would take too, clients could buy much CPU for little.
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kHttp11 = "http/1.1";

// Lives as long as the SSL_CTX that connections begin with, which they keep: nothing here dangles.
struct Listening {
  struct Names {
    std::vector<std::string> names;
    SSL_CTX* context;
  };
  std::vector<Names> by_names;
  std::vector<OpenSslOwner<SSL_CTX>> others;  // all but the first
  std::vector<std::shared_ptr<const TlsCertificate>> certificates;
  std::shared_ptr<TicketKeys> ticket_keys;
};

void free_listening(void*, void* listening, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Listening*>(listening);
}

// Of the context that connections begin with.
int owner_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_listening);
  return kIndex;
}

// Of all of them: a connection may have been moved to another.
int listening_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

SSL_CTX* context_for(const Listening& listening, std::string_view host) {
  const std::string wanted = lower_case(host);
  SSL_CTX* by_wildcard = nullptr;
  for (const auto& [names, context] : listening.by_names) {
    for (const std::string& name : names) {
      if (name == wanted) return context;
      if (by_wildcard == nullptr && covers(name, wanted)) by_wildcard = context;
    }
  }
  return by_wildcard;
}

int on_server_name(SSL* ssl, int*, void* listening) {
  const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const context = context_for(*static_cast<Listening*>(listening), asked);
  if (context != nullptr && context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

// RFC 7301 section 3.2: a client that names protocols, and not ours, is refused.
int on_protocols(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                 unsigned offered_size, void*) {
  std::string_view left(reinterpret_cast<const char*>(offered), offered_size);
  while (!left.empty()) {
    const auto length = static_cast<unsigned char>(left.front());
    const auto name = left.substr(1, length);
    if (name == kHttp11) {
      *chosen = reinterpret_cast<const unsigned char*>(name.data());
      *size = length;
      return SSL_TLSEXT_ERR_OK;
    }
    left.remove_prefix(std::min<std::size_t>(left.size(), 1U + length));
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// OpenSSL frees what it is given.
int on_status_request(SSL* ssl, void* listening) {
  const X509* const chosen = SSL_get_certificate(ssl);
  for (const auto& each : static_cast<Listening*>(listening)->certificates) {
    if (each->certificate() != chosen || each->ocsp().empty()) continue;
    void* const copy = OPENSSL_memdup(each->ocsp().data(), each->ocsp().size());
    if (copy == nullptr) break;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(each->ocsp().size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

bool use_key(const TicketKeys::Key& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
             bool encrypts) {
  auto* const mac_key = const_cast<std::uint8_t*>(key.mac.data());
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, key.mac.size()),
                                   OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, encrypts ? 1 : 0) == 1;
}

// The meaning of what it returns: SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int encrypts) {
  constexpr std::size_t kIv = 16;  // of AES-CBC
  const auto* listening = static_cast<Listening*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), listening_index()));
  TicketKeys& keys = *listening->ticket_keys;
  if (encrypts != 0) {
    const auto key = keys.current(monotonic_now());
    std::ranges::copy(key.name, name);
    fill_random({iv, kIv});
    return use_key(key, iv, cipher, mac, true) ? 1 : -1;
  }
  const auto found = keys.find({name, sizeof(TicketKeys::Key::name)}, monotonic_now());
  if (!found) return 0;
  if (!use_key(found->key, iv, cipher, mac, false)) return -1;
  // 2: with a new ticket. Clients use one of TLS 1.3 only once (RFC 8446 appendix C.4).
  return found->age == TicketKeys::Age::kOld || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

// A certificate that has expired is no way in, with a ticket neither: each one of TLS 1.3 brings the next.
SSL_TICKET_RETURN on_session(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t, SSL_TICKET_STATUS status,
                             void*) {
  const bool good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!good || peer_has_expired(*session)) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// SSL_CTX_set_tlsext_status_cb() and its like are macros with casts that we refuse.
template <class Callback>
void set_callback(SSL_CTX* context, int which, Callback callback) {
  SSL_CTX_callback_ctrl(context, which, reinterpret_cast<void (*)()>(callback));
}

std::unexpected<Error> refuse(const std::string& subject) {
  return fail(Code::kConfiguration, Side::kDrover, subject + ": " + take_openssl_error("OpenSSL refuses it"));
}

// Of two with the same kind of key OpenSSL would keep the last, without a word.
Result<void> add_certificate(SSL_CTX* context, const TlsCertificate& certificate) {
  for (long more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); more == 1;
       more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT)) {
    if (EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(context)) != EVP_PKEY_get_base_id(certificate.key())) continue;
    return fail(Code::kConfiguration, Side::kDrover,
                certificate.file() + ": another certificate before it has the same names and the same kind of key");
  }
  if (SSL_CTX_use_certificate(context, certificate.certificate()) != 1) return refuse(certificate.file());
  if (SSL_CTX_use_PrivateKey(context, certificate.key()) != 1) return refuse(certificate.file());
  SSL_CTX_clear_chain_certs(context);  // those of the certificate that was added last
  for (const auto& next : certificate.chain()) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return refuse(certificate.file());
  }
  return {};
}

void ask_for_certificates(SSL_CTX* context, const TlsTrust& trust) {
  SSL_CTX_set1_verify_cert_store(context, trust.store());
  STACK_OF(X509)* authorities = X509_STORE_get1_all_certs(trust.store());
  for (int at = 0; at < sk_X509_num(authorities); ++at) SSL_CTX_add_client_CA(context, sk_X509_value(authorities, at));
  sk_X509_pop_free(authorities, X509_free);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // OpenSSL takes the memory for what a client announces. Chains of RSA-4096 have some 8 KB.
  constexpr long kMostCertificates = 32L * 1024;
  SSL_CTX_set_max_cert_list(context, kMostCertificates);
}

Result<OpenSslOwner<SSL_CTX>> make_context(const TlsServerContext::Settings& settings) {
  OpenSslOwner<SSL_CTX> made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = made.get();
  const int least = settings.min_version == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, least) != 1 ||
      SSL_CTX_set_cipher_list(context, kCiphers) != 1 || SSL_CTX_set1_groups_list(context, kGroups) != 1) {
    return refuse("TLS");
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);          // an idle connection holds none
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets need no memory, and serve all workers
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, std::chrono::seconds(TicketKeys::kTicketLifetime).count());
  SSL_CTX_set_alpn_select_cb(context, on_protocols, nullptr);
  if (settings.client_trust) ask_for_certificates(context, *settings.client_trust);
  log_keys_of(context);
  return made;
}

// A ticket is good only where its session could have begun: a client that has shown no certificate must not come in
// with one from a listener that asks for none.
void name_sessions(SSL_CTX* context, const TlsServerContext::Settings& settings) {
  std::array<std::uint8_t, SSL_MAX_SID_CTX_LENGTH> name{};
  if (settings.client_trust) std::ranges::copy(settings.client_trust->digest(), name.begin());
  SSL_CTX_set_session_id_context(context, name.data(), name.size());
}

}  // namespace

bool TlsServerContext::Settings::is_same_as(const Settings& other) const {
  const auto same = [](const auto& one, const auto& another) { return one->is_same_as(*another); };
  if (!client_trust != !other.client_trust || (client_trust && !same(client_trust, other.client_trust))) return false;
  return min_version == other.min_version && ticket_keys == other.ticket_keys &&
         std::ranges::equal(certificates, other.certificates, same);
}

Result<TlsServerContext> TlsServerContext::make(const Settings& settings) {
  auto listening = std::make_unique<Listening>();
  OpenSslOwner<SSL_CTX> first;
  for (const auto& certificate : settings.certificates) {
    const auto same = [&](const Listening::Names& each) { return each.names == certificate->names(); };
    auto place = std::ranges::find_if(listening->by_names, same);
    if (place == listening->by_names.end()) {
      auto made = make_context(settings);
      if (!made) return std::unexpected(made.error());
      name_sessions(made->get(), settings);
      place = listening->by_names.insert(place, {certificate->names(), made->get()});
      if (first == nullptr) {
        first = *std::move(made);
      } else {
        listening->others.push_back(*std::move(made));
      }
    }
    if (auto added = add_certificate(place->context, *certificate); !added) return std::unexpected(added.error());
  }
  listening->certificates = settings.certificates;
  listening->ticket_keys = settings.ticket_keys;
  for (const auto& [names, context] : listening->by_names) {
    set_callback(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, on_status_request);
    SSL_CTX_set_tlsext_status_arg(context, listening.get());
    if (SSL_CTX_set_ex_data(context, listening_index(), listening.get()) != 1) return refuse("TLS");
  }
  if (!listening->others.empty()) {
    set_callback(first.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(first.get(), listening.get());
  }
  SSL_CTX_set_tlsext_ticket_key_evp_cb(first.get(), on_ticket);  // asked for tickets is always the first
  SSL_CTX_set_session_ticket_cb(first.get(), nullptr, on_session, nullptr);
  if (SSL_CTX_set_ex_data(first.get(), owner_index(), listening.get()) != 1) return refuse("TLS");
  static_cast<void>(listening.release());
  return TlsServerContext(std::move(first));
}

OpenSslOwner<ssl_st> TlsServerContext::new_connection() const {
  OpenSslOwner<SSL> ssl(SSL_new(context_.get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace drover::net
