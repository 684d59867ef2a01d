// A bind is the question, its errno the answer.
#include "app/listening.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace drover::app {

namespace {

bool machine_lacks(int error_number) {
  return error_number == EAFNOSUPPORT || error_number == EADDRNOTAVAIL;
}

std::string in_use(const net::Address& address, Sharing sharing) {
  const std::string_view holder = sharing == Sharing::kShared
                                      ? "; a process that does not share it, or another user's, has it"
                                      : "; another process has it";
  return std::string(holder) + " (ss -ltnp 'sport = :" + std::to_string(address.port()) +
         "' names it): stop that one or choose another port";
}

std::string what_to_do(int error_number, const net::Address& address, Sharing sharing) {
  switch (error_number) {
    case EADDRINUSE: return in_use(address, sharing);
    case EACCES: return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL: return "; no interface of this machine has that address";
    case EAFNOSUPPORT: return "; this machine has no IPv6";
    default: return "";
  }
}

std::unexpected<Error> refuse(const config::Endpoint& endpoint, std::string_view key, const std::string& why) {
  return fail(Code::kAddress, Side::kDrover,
              "cannot listen on '" + endpoint.text + "' (" + std::string(key) + "): " + why);
}

Result<std::vector<net::Address>> candidates_for(const config::Endpoint& endpoint) {
  auto resolved = net::Address::resolve(endpoint.host, endpoint.port);
  if (!endpoint.host.empty()) return resolved;
  auto any_ipv4 = net::Address();
  any_ipv4.set_port(endpoint.port);
  if (!resolved) return std::vector{any_ipv4};
  if (machine_lacks(probe_listening(resolved->front()))) *resolved = {any_ipv4};
  return resolved;
}

}  // namespace

int probe_listening(const net::Address& address, Sharing sharing) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // what a predecessor left in TIME_WAIT is no obstacle
  if (sharing == Sharing::kShared) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (address.family() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  const int error_number = ::bind(fd, address.raw(), address.raw_size()) == 0 ? 0 : errno;
  ::close(fd);
  return error_number;
}

Result<std::vector<net::Address>> listening_addresses(const config::Endpoint& endpoint, std::string_view key,
                                                      Sharing sharing) {
  const auto candidates = candidates_for(endpoint);
  if (!candidates) return refuse(endpoint, key, candidates.error().detail);
  std::vector<net::Address> usable;
  std::string lacking;
  for (const auto& address : *candidates) {
    const auto same = [&address](const net::Address& other) { return other.text() == address.text(); };
    if (std::ranges::any_of(usable, same)) continue;  // a name may stand twice in /etc/hosts
    const int error_number = probe_listening(address, sharing);
    if (error_number == 0) {
      usable.push_back(address);
      continue;
    }
    const std::string why =
        address.text() + ": " + std::strerror(error_number) + what_to_do(error_number, address, sharing);
    if (!machine_lacks(error_number)) return refuse(endpoint, key, why);
    lacking = why;
  }
  if (usable.empty()) return refuse(endpoint, key, lacking);
  return usable;
}

}  // namespace drover::app
