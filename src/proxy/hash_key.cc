// One finder a source.
#include "proxy/hash_key.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace drover::proxy {

namespace {

using Source = config::HashKey::Source;

std::string_view up_to(std::string_view text, char end) {
  return text.substr(0, text.find(end));
}

// The first "name=value" of a list, without the name.
std::string_view value_in(std::string_view list, char separator, std::string_view name) {
  while (!list.empty()) {
    const std::string_view pair = up_to(list, separator);
    list.remove_prefix(std::min(list.size(), pair.size() + 1));
    const std::string_view trimmed = http::trimmed(pair);
    const std::string_view found = up_to(trimmed, '=');
    if (found == name && found.size() < trimmed.size()) return trimmed.substr(found.size() + 1);
  }
  return {};
}

// RFC 6265 section 4.2.1; a client may send several lines under HTTP/2, and through gateways they stay several.
std::string_view cookie(const http::RequestHead& request, std::string_view name) {
  for (std::size_t i = 0; i < request.size(); ++i) {
    const auto header = request.at(i);
    if (!http::same_name(header.name, "cookie")) continue;
    if (const auto value = value_in(header.value, ';', name); !value.empty()) return value;
  }
  return {};
}

std::string_view segment(std::string_view path, unsigned number) {
  for (; number > 0 && !path.empty(); --number) {
    path.remove_prefix(1);  // '/'
    if (number == 1) return up_to(path, '/');
    path.remove_prefix(std::min(path.size(), path.find('/')));
  }
  return {};
}

std::string client_ip(const http::RequestHead& request, const net::Address& peer, const Snapshot& snapshot) {
  std::string client = peer.ip_text();
  if (!snapshot.trusts(peer)) return client;
  // The lines are one list, each proxy adds the peer that it saw at its end (RFC 9110 section 5.3).
  std::vector<std::string_view> hops;
  for (std::size_t i = 0; i < request.size(); ++i) {
    if (request.class_at(i).known != http::HeaderName::kXForwardedFor) continue;
    auto rest = request.at(i).value;
    for (auto hop = http::next_element(rest); !hop.empty(); hop = http::next_element(rest)) hops.push_back(hop);
  }
  while (!hops.empty()) {
    const auto address = net::Address::from_literal(std::string(hops.back()), 0);
    hops.pop_back();
    if (!address) break;  // what stands before it was said by whoever wrote this
    client = address->ip_text();
    if (!snapshot.trusts(*address)) break;
  }
  return client;
}

}  // namespace

std::optional<std::string> hash_key_of(const config::HashKey& key, const http::RequestHead& request,
                                       const net::Address& peer, const Snapshot& snapshot) {
  std::string found;
  switch (key.source) {
    case Source::kClientIp: found = client_ip(request, peer, snapshot); break;
    case Source::kHeader: found = request.find(key.name).value_or(""); break;
    case Source::kCookie: found = cookie(request, key.name); break;
    case Source::kQuery: found = value_in(request.query(), '&', key.name); break;
    case Source::kPath: found = segment(request.path(), key.segment); break;
  }
  if (found.empty()) return std::nullopt;
  return found;
}

}  // namespace drover::proxy
