// Host and Origin, RFC 9110 section 7.2 and RFC 6454 section 7.
#include "admin/access.h"

#include <algorithm>
#include <optional>
#include <string>

#include "http/strictness.h"
#include "net/address.h"

namespace drover::admin {

namespace {

struct Host {
  std::string_view name;  // without port and brackets
  int family;             // that an address must have there: brackets hold IPv6, and nothing else does
};

Host host_of(std::string_view authority) {
  if (authority.starts_with('[')) return {authority.substr(1, authority.find(']') - 1), AF_INET6};
  return {authority.substr(0, authority.find(':')), AF_INET};
}

// None: it is a name, or no address.
std::optional<net::Address> address_in(std::string_view authority) {
  const Host host = host_of(authority);
  auto address = net::Address::from_literal(std::string(host.name), 0);
  if (!address || address->family() != host.family) return std::nullopt;
  return *std::move(address);
}

// RFC 6454 section 7: "scheme://host[:port]", or "null" for a page that has no origin to show. Any page may be served
// by an address: it is ours where this machine serves it, or where the request itself, to `host`, has gone to it.
bool is_own_origin(std::string_view origin, std::string_view host, std::span<const std::string> hosts) {
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const auto authority = origin.substr(scheme_end + 3);
  if (!is_own_authority(authority, hosts)) return false;
  const auto page = address_in(authority);
  if (!page || page->is_loopback()) return true;
  const auto server = address_in(host);
  return server && server->ip_bytes() == page->ip_bytes();
}

}  // namespace

bool is_own_authority(std::string_view authority, std::span<const std::string> hosts) {
  if (!http::is_host(authority)) return false;
  const Host host = host_of(authority);
  const auto is_it = [&host](std::string_view name) { return http::same_name(host.name, name); };
  if (host.family == AF_INET && (is_it("localhost") || std::ranges::any_of(hosts, is_it))) return true;
  return address_in(authority).has_value();
}

Result<void> check_access(const http::RequestHead& head, std::span<const std::string> hosts) {
  if (!is_own_authority(head.host(), hosts)) {
    return fail(Code::kForbidden, Side::kClient, "Host must be localhost, an address or one of admin.hosts");
  }
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto header = head.at(i);
    if (http::same_name(header.name, "origin") && !is_own_origin(header.value, head.host(), hosts)) {
      return fail(Code::kForbidden, Side::kClient, "requests from other origins are not allowed");
    }
  }
  return {};
}

}  // namespace drover::admin
