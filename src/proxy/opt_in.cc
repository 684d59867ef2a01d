// URLs and tokens for clients that will be asked to reconnect.
#include "proxy/opt_in.h"

#include "proxy/reconnection.h"

namespace drover::proxy {

namespace {

constexpr std::chrono::seconds kBeyondDeadline{60};  // DESIGN section 7: a client may be late, or far away

// What the proxy closest to the client has said.
std::string_view forwarded(const http::RequestHead& request, http::HeaderName name, http::PeerTrust trust) {
  if (trust == http::PeerTrust::kUntrusted) return {};
  auto list = request.find(name).value_or("");
  return http::next_element(list);
}

bool is_encrypted(std::string_view proto, http::Scheme scheme) {
  if (http::same_name(proto, "https") || http::same_name(proto, "wss")) return true;
  if (http::same_name(proto, "http") || http::same_name(proto, "ws")) return false;
  return scheme == http::Scheme::kHttps;
}

}  // namespace

std::string own_url(const http::RequestHead& request, http::Scheme scheme, http::PeerTrust trust) {
  const auto proto = forwarded(request, http::HeaderName::kXForwardedProto, trust);
  const auto host = forwarded(request, http::HeaderName::kXForwardedHost, trust);
  std::string url = is_encrypted(proto, scheme) ? "wss://" : "ws://";
  return url.append(host.empty() ? request.host() : host).append(target_without_token(request));
}

std::string migrate_text(const OptIn& client, const migration::TokenKeys& keys, migration::ResumeToken session,
                         migration::MigrateConnection message, migration::WallClock::time_point now) {
  session.expires = now + message.deadline + kBeyondDeadline;
  const auto token = keys.seal(session);
  if (token.empty()) return {};
  message.session_token = token;
  if (message.new_endpoint.empty()) message.new_endpoint = client.url;
  return migration::text_of(message);
}

}  // namespace drover::proxy
