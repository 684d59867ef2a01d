// ares_addrinfo and the ARES_… codes to answers.
#include "health/cares_answer.h"

#include <ares.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace drover::health {

namespace {

// Codes whose own text would mislead; null: ares_strerror() does.
const char* reason_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND: return "no such name";
    case ARES_ETIMEOUT: return "timeout";
    // c-ares 1.18 has this code for a server that said SERVFAIL or REFUSED, too.
    case ARES_ECONNREFUSED: return "no name server could be reached, or none would answer";
    default: return nullptr;
  }
}

std::string without_records(int family) {
  return family == AF_INET ? "no A record" : "no AAAA record";
}

void sort_each_once(std::vector<net::Address>& addresses) {
  std::ranges::sort(addresses, {}, &net::Address::ip_bytes);
  const auto rest = std::ranges::unique(addresses, {}, &net::Address::ip_bytes);
  addresses.erase(rest.begin(), rest.end());
}

std::vector<net::Address> addresses_of(int family, const ares_addrinfo& found) {
  std::vector<net::Address> addresses;
  for (const auto* node = found.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != family) continue;
    addresses.push_back(net::Address::from_sockaddr(node->ai_addr));
    addresses.back().set_port(0);
  }
  sort_each_once(addresses);
  return addresses;
}

Milliseconds smallest_ttl(int family, const ares_addrinfo& found) {
  int seconds = std::numeric_limits<int>::max();
  for (const auto* node = found.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family == family) seconds = std::min(seconds, node->ai_ttl);
  }
  for (const auto* cname = found.cnames; cname != nullptr; cname = cname->next) {
    seconds = std::min(seconds, cname->ttl);
  }
  return std::chrono::seconds(std::max(seconds, 0));  // the highest bit set is 0: RFC 2181 section 8
}

}  // namespace

FamilyAnswer family_answer(int family, int status, const ares_addrinfo* found) {
  using enum FamilyAnswer::Outcome;
  FamilyAnswer answer;
  if (status == ARES_SUCCESS && found != nullptr) {
    answer.addresses = addresses_of(family, *found);
    answer.outcome = answer.addresses.empty() ? kNone : kAddresses;
    if (answer.outcome == kAddresses) answer.ttl = smallest_ttl(family, *found);
  } else if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
    answer.outcome = kNone;
  }
  if (answer.outcome == kAddresses) return answer;
  if (status == ARES_SUCCESS || status == ARES_ENODATA) {
    answer.reason = without_records(family);
  } else {
    const char* reason = reason_of(status);
    answer.reason = reason != nullptr ? reason : ares_strerror(status);
  }
  return answer;
}

Answer hosts_file_answer(const ares_addrinfo* found) {
  Answer answer{family_answer(AF_INET, ARES_SUCCESS, found), family_answer(AF_INET6, ARES_SUCCESS, found)};
  for (FamilyAnswer* family : {&answer.ipv4, &answer.ipv6}) {
    if (family->outcome == FamilyAnswer::Outcome::kAddresses) {
      family->ttl = kHostsFileTtl;
    } else {
      family->reason = "no such address in the hosts file";
    }
  }
  return answer;
}

}  // namespace drover::health
