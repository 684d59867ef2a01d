// An SSL_CTX for connections to backends, with the sessions that they can be resumed from.
#include <arpa/inet.h>
#include <openssl/ssl.h>

#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "net/address.h"
#include "net/tls_context.h"
#include "net/tls_error.h"
#include "net/tls_key_log.h"

namespace drover::net {

namespace {

using Session = OpenSslOwner<SSL_SESSION>;

// The last session with each peer. Lives as long as the SSL_CTX, which connections keep; a place never goes before.
struct Dialling {
  std::unordered_map<std::string, Session> sessions;  // by name and address
};
constexpr std::size_t kMostSessions = 4096;  // peers beyond are not remembered

void free_dialling(void*, void* dialling, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Dialling*>(dialling);
}

int dialling_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_dialling);
  return kIndex;
}

// 1: the reference is ours now.
int on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* const place = static_cast<Session*>(SSL_get_app_data(ssl));
  if (place == nullptr) return 0;
  place->reset(session);
  return 1;
}

bool is_numeric(const std::string& host) {
  in6_addr room{};
  return ::inet_pton(AF_INET, host.c_str(), &room) == 1 || ::inet_pton(AF_INET6, host.c_str(), &room) == 1;
}

// False: no certificate could have such a name. Without one OpenSSL would take any certificate.
bool expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  if (is_numeric(host)) return X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  // SSL_set_tlsext_host_name(), which is a macro with a cast that we refuse. It copies the name.
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())) == 1 &&
         X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1;
}

void resume_last_session(SSL* ssl, Dialling& dialling, const std::string& peer) {
  auto place = dialling.sessions.find(peer);
  if (place == dialling.sessions.end()) {
    if (dialling.sessions.size() >= kMostSessions) return;
    place = dialling.sessions.emplace(peer, nullptr).first;
  }
  Session& last = place->second;
  SSL_set_app_data(ssl, &last);
  if (last == nullptr || SSL_SESSION_is_resumable(last.get()) != 1) return;
  const bool verifies = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
  if (!verifies || !peer_has_expired(*last)) SSL_set_session(ssl, last.get());
}

}  // namespace

Result<TlsClientContext> TlsClientContext::make(const std::shared_ptr<const TlsTrust>& trust, Resumption resumption) {
  OpenSslOwner<SSL_CTX> made(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = made.get();
  constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};  // RFC 7301 section 3.1
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context, kProtocols, sizeof(kProtocols)) != 0) {
    return fail(Code::kOwnResources, Side::kDrover, "TLS: " + take_openssl_error("no memory"));
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  if (trust != nullptr) {
    SSL_CTX_set1_verify_cert_store(context, trust->store());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  log_keys_of(context);
  if (resumption == Resumption::kNone) return TlsClientContext(std::move(made));
  auto dialling = std::make_unique<Dialling>();
  if (SSL_CTX_set_ex_data(context, dialling_index(), dialling.get()) != 1) {
    return fail(Code::kOwnResources, Side::kDrover, "TLS: " + take_openssl_error("no memory"));
  }
  static_cast<void>(dialling.release());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
  return TlsClientContext(std::move(made));
}

OpenSslOwner<ssl_st> TlsClientContext::new_connection(const std::string& server_name, const Address& address) const {
  OpenSslOwner<SSL> ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return ssl;
  SSL_set_connect_state(ssl.get());
  const std::string& host = server_name.empty() ? address.ip_text() : server_name;
  if (!expect_host(ssl.get(), host)) return nullptr;
  auto* const dialling = static_cast<Dialling*>(SSL_CTX_get_ex_data(context_.get(), dialling_index()));
  if (dialling != nullptr) resume_last_session(ssl.get(), *dialling, host + ' ' + address.text());
  return ssl;
}

}  // namespace drover::net
