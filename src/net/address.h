// A numeric TCP address and the few things that are asked of it.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace drover::net {

class Address {
 public:
  Address();  // 0.0.0.0:0
  // A numeric host, without brackets; error kAddress.
  static Result<Address> from_literal(const std::string& host, std::uint16_t port);
  // `raw` is a sockaddr_in or sockaddr_in6. An IPv4 address mapped into IPv6 becomes IPv4 again.
  static Address from_sockaddr(const sockaddr* raw);
  // Blocks; for start-up only. An empty host is "[::]". One entry an address. Error kAddress.
  static Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port);

  const sockaddr* raw() const { return &storage_.any; }
  socklen_t raw_size() const;
  int family() const { return storage_.any.sa_family; }
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  bool is_loopback() const;
  // The address in network order: 4 or 16 bytes.
  std::string_view ip_bytes() const;
  std::string ip_text() const;  // "10.0.0.7", "::1"
  std::string text() const;     // "10.0.0.7:80", "[::1]:80"

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } storage_;
};

}  // namespace drover::net
