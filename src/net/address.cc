// sockaddr in and out.
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>
#include <memory>

namespace drover::net {

Address::Address() {
  std::memset(&storage_, 0, sizeof(storage_));
  storage_.v4.sin_family = AF_INET;
}

Result<Address> Address::from_literal(const std::string& host, std::uint16_t port) {
  Address address;
  const bool whole = host.find('\0') == std::string::npos;  // inet_pton() sees nothing behind a NUL
  if (whole && inet_pton(AF_INET, host.c_str(), &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_port = htons(port);
    return address;
  }
  std::memset(&address.storage_, 0, sizeof(address.storage_));
  if (whole && inet_pton(AF_INET6, host.c_str(), &address.storage_.v6.sin6_addr) == 1) {
    address.storage_.v6.sin6_family = AF_INET6;
    address.storage_.v6.sin6_port = htons(port);
    return address;
  }
  return fail(Code::kAddress, Side::kDrover, "'" + host + "' is not a numeric IPv4 or IPv6 address");
}

Address Address::from_sockaddr(const sockaddr* raw) {
  Address address;
  if (raw->sa_family == AF_INET) {
    std::memcpy(&address.storage_.v4, raw, sizeof(sockaddr_in));
    return address;
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, raw, sizeof(v6));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    std::memcpy(&address.storage_.v4.sin_addr, v6.sin6_addr.s6_addr + 12, 4);
    address.storage_.v4.sin_port = v6.sin6_port;
  } else {
    address.storage_.v6 = v6;
  }
  return address;
}

Result<std::vector<Address>> Address::resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string name = host.empty() ? "::" : host;
  if (const int status = getaddrinfo(name.c_str(), nullptr, &hints, &found); status != 0) {
    return fail(Code::kAddress, Side::kDrover, "cannot resolve '" + host + "': " + gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address address = from_sockaddr(entry->ai_addr);
    address.set_port(port);
    addresses.push_back(address);
  }
  return addresses;
}

socklen_t Address::raw_size() const {
  return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

std::uint16_t Address::port() const {
  return ntohs(family() == AF_INET ? storage_.v4.sin_port : storage_.v6.sin6_port);
}

void Address::set_port(std::uint16_t port) {
  (family() == AF_INET ? storage_.v4.sin_port : storage_.v6.sin6_port) = htons(port);
}

bool Address::is_loopback() const {
  if (family() == AF_INET) return (ntohl(storage_.v4.sin_addr.s_addr) >> 24) == 127;
  return IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr) != 0;
}

std::string_view Address::ip_bytes() const {
  if (family() == AF_INET) return {reinterpret_cast<const char*>(&storage_.v4.sin_addr), 4};
  return {reinterpret_cast<const char*>(&storage_.v6.sin6_addr), 16};
}

std::string Address::ip_text() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family(), ip_bytes().data(), text, sizeof(text));
  return text;
}

std::string Address::text() const {
  const std::string port_text = std::to_string(port());
  return family() == AF_INET ? ip_text() + ":" + port_text : "[" + ip_text() + "]:" + port_text;
}

}  // namespace drover::net
