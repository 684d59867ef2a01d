// Addresses in and out of text and sockaddr.
#include "net/address.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <algorithm>

namespace drover::net {

TEST_CASE("literals are read and written") {
  const auto v4 = Address::from_literal("10.0.0.7", 80);
  REQUIRE(v4);
  CHECK(v4->family() == AF_INET);
  CHECK(v4->port() == 80);
  CHECK(v4->ip_text() == "10.0.0.7");
  CHECK(v4->text() == "10.0.0.7:80");
  CHECK(v4->ip_bytes() == std::string_view("\x0a\0\0\x07", 4));
  CHECK(v4->raw_size() == sizeof(sockaddr_in));
  const auto v6 = Address::from_literal("2001:DB8::1", 65'535);
  REQUIRE(v6);
  CHECK(v6->family() == AF_INET6);
  CHECK(v6->text() == "[2001:db8::1]:65535");
  CHECK(v6->ip_bytes().size() == 16);
  CHECK(v6->raw_size() == sizeof(sockaddr_in6));
}

TEST_CASE("what is no numeric address is refused with its text") {
  for (const char* text : {"", "localhost", "10.0.0", "10.0.0.256", "10.0.0.1 ", "[::1]", "::g", "1:2:3", "0x7f.1"}) {
    CAPTURE(text);
    const auto address = Address::from_literal(text, 1);
    REQUIRE(!address);
    CHECK(address.error().code == Code::kAddress);
    CHECK(address.error().detail.find(text) != std::string::npos);
  }
}

TEST_CASE("nothing behind a NUL is overlooked") {
  CHECK(!Address::from_literal(std::string("127.0.0.1\0.evil.example", 23), 1));
}

TEST_CASE("an IPv4 address mapped into IPv6 becomes IPv4 again") {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(1234);
  REQUIRE(inet_pton(AF_INET6, "::ffff:127.0.0.2", &mapped.sin6_addr) == 1);
  const auto address = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&mapped));
  CHECK(address.family() == AF_INET);
  CHECK(address.text() == "127.0.0.2:1234");
  CHECK(address.is_loopback());
}

TEST_CASE("sockaddr in, sockaddr out") {
  for (const char* text : {"192.0.2.1", "::1", "fe80::1"}) {
    const auto address = *Address::from_literal(text, 77);
    CHECK(Address::from_sockaddr(address.raw()).text() == address.text());
  }
}

TEST_CASE("loopback") {
  for (const char* text : {"127.0.0.1", "127.255.255.255", "::1"}) CHECK(Address::from_literal(text, 1)->is_loopback());
  for (const char* text : {"126.0.0.1", "128.0.0.1", "0.0.0.0", "10.0.0.1", "::", "::2", "2001:db8::1"}) {
    CHECK(!Address::from_literal(text, 1)->is_loopback());
  }
}

TEST_CASE("the port can be set") {
  for (const char* text : {"127.0.0.1", "::1"}) {
    auto address = *Address::from_literal(text, 0);
    address.set_port(8080);
    CHECK(address.port() == 8080);
  }
  CHECK(Address().text() == "0.0.0.0:0");
}

TEST_CASE("names are resolved, with the port in every address") {
  const auto local = Address::resolve("localhost", 99);
  REQUIRE(local);
  REQUIRE(!local->empty());
  CHECK(std::ranges::all_of(*local, [](const Address& one) { return one.is_loopback() && one.port() == 99; }));
  const auto any = Address::resolve("", 80);
  REQUIRE(any);
  CHECK(any->front().text() == "[::]:80");
  CHECK(Address::resolve("127.0.0.1", 1)->front().text() == "127.0.0.1:1");
  const auto missing = Address::resolve("no-such-host.invalid", 1);
  REQUIRE(!missing);
  CHECK(missing.error().code == Code::kAddress);
  CHECK(missing.error().detail.find("no-such-host.invalid") != std::string::npos);
}

}  // namespace drover::net
