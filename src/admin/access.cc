// Host and Origin, RFC 9110 section 7.2 and RFC 6454 section 7.
#include "admin/access.h"

#include <algorithm>
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

// RFC 6454 section 7: "scheme://host[:port]", or "null" for a page that has no origin to show.
bool is_own_origin(std::string_view origin, std::span<const std::string> hosts) {
  const auto scheme_end = origin.find("://");
  return scheme_end != std::string_view::npos && is_own_authority(origin.substr(scheme_end + 3), hosts);
}

}  // namespace

bool is_own_authority(std::string_view authority, std::span<const std::string> hosts) {
  if (!http::is_host(authority)) return false;
  const Host host = host_of(authority);
  const auto is_it = [&host](std::string_view name) { return http::same_name(host.name, name); };
  if (host.family == AF_INET && (is_it("localhost") || std::ranges::any_of(hosts, is_it))) return true;
  const auto address = net::Address::from_literal(std::string(host.name), 0);
  return address && address->family() == host.family;
}

Result<void> check_access(const http::RequestHead& head, std::span<const std::string> hosts) {
  if (!is_own_authority(head.host(), hosts)) {
    return fail(Code::kForbidden, Side::kClient, "Host must be localhost, an address or one of admin.hosts");
  }
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto header = head.at(i);
    if (http::same_name(header.name, "origin") && !is_own_origin(header.value, hosts)) {
      return fail(Code::kForbidden, Side::kClient, "requests from other origins are not allowed");
    }
  }
  return {};
}

}  // namespace drover::admin
