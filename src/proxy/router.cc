// A linear search: routes are few, and the order is the operator's.
#include "proxy/router.h"

#include <algorithm>

namespace drover::proxy {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The Host header without its port and a trailing dot: "Chat.Example.com.:8080" → "Chat.Example.com".
std::string_view host_name(std::string_view host) {
  const std::size_t bracket = host.rfind(']');  // an IPv6 literal has colons of its own
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool same_host(std::string_view wanted, std::string_view host) {
  return std::ranges::equal(wanted, host, [](char a, char b) { return lower(a) == lower(b); });
}

// "/ws" covers "/ws" and "/ws/room", not "/wsx"; "/" covers everything.
bool covers(std::string_view prefix, std::string_view path) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

std::size_t length_without_slash(std::string_view prefix) {
  return prefix.ends_with('/') ? prefix.size() - 1 : prefix.size();
}

}  // namespace

Router::Router(const config::Config& config) {
  for (const auto& route : config.routes) {
    const auto pool = std::ranges::find(config.pools, route.pool, &config::Pool::name);
    const std::size_t stripped = route.strip_prefix && route.match.path ? length_without_slash(*route.match.path) : 0;
    targets_.push_back({route, static_cast<std::size_t>(pool - config.pools.begin()), stripped});
  }
}

const Router::Target* Router::match(std::string_view host, std::string_view path, RequestKind kind) const {
  const std::string_view name = host_name(host);
  for (const auto& target : targets_) {
    const auto& match = target.route.match;
    if (match.host && !same_host(*match.host, name)) continue;
    if (match.path && !covers(*match.path, path)) continue;
    if (match.websocket && *match.websocket != (kind == RequestKind::kWebSocket)) continue;
    return &target;
  }
  return nullptr;
}

}  // namespace drover::proxy
