// From "host:port" to addresses, against real sockets.
#include "app/listening.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/acceptor.h"

using namespace drover;
using namespace drover::app;

namespace {

// Somebody else who listens, with SO_REUSEPORT as the workers do.
class Neighbour {
 public:
  Neighbour() : acceptor_(loop_, {.may_accept = [] { return false; }, .on_accept = {}, .on_exhausted = {}}) {
    REQUIRE(acceptor_.listen(*net::Address::from_literal("127.0.0.1", 0)).has_value());
  }
  std::uint16_t port() const { return acceptor_.address().port(); }

 private:
  net::Loop loop_;
  net::Acceptor acceptor_;
};

config::Endpoint endpoint(const std::string& host, std::uint16_t port) {
  return {.host = host, .port = port, .text = host + ":" + std::to_string(port)};
}

bool machine_has_ipv6() {
  return probe_listening(*net::Address::from_literal("::", 0)) == 0;
}

}  // namespace

TEST_CASE("a numeric address is itself") {
  const auto addresses = listening_addresses(endpoint("127.0.0.1", 0), "listen");
  REQUIRE(addresses.has_value());
  REQUIRE(addresses->size() == 1);
  CHECK(addresses->front().text() == "127.0.0.1:0");
}

TEST_CASE("no host is every address, IPv6 and IPv4 where there is IPv6") {
  const auto addresses = listening_addresses(endpoint("", 0), "listen");
  REQUIRE(addresses.has_value());
  REQUIRE(addresses->size() == 1);
  CHECK(addresses->front().text() == (machine_has_ipv6() ? "[::]:0" : "0.0.0.0:0"));
}

TEST_CASE("a port that another process shares is taken all the same") {
  Neighbour neighbour;
  for (const char* host : {"127.0.0.1", "0.0.0.0", ""}) {
    const auto addresses = listening_addresses(endpoint(host, neighbour.port()), "admin.bind");
    REQUIRE_FALSE(addresses.has_value());
    const auto& detail = addresses.error().detail;
    CHECK(detail.find("admin.bind") != std::string::npos);
    CHECK(detail.find("another process has it") != std::string::npos);
    CHECK(detail.find(std::to_string(neighbour.port())) != std::string::npos);
  }
}

TEST_CASE("a port that another process shares is taken where sharing is asked for") {
  Neighbour neighbour;
  for (const char* host : {"127.0.0.1", "0.0.0.0", ""}) {
    CAPTURE(host);
    CHECK(listening_addresses(endpoint(host, neighbour.port()), "bind", Sharing::kShared).has_value());
  }
}

TEST_CASE("a port that another process does not share cannot be shared") {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  auto address = *net::Address::from_literal("127.0.0.1", 0);
  REQUIRE(::bind(fd, address.raw(), address.raw_size()) == 0);
  REQUIRE(::listen(fd, 1) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof(bound);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  const auto addresses = listening_addresses(endpoint("127.0.0.1", ntohs(bound.sin_port)), "bind", Sharing::kShared);
  ::close(fd);
  REQUIRE_FALSE(addresses.has_value());
  CHECK(addresses.error().detail.find("does not share it") != std::string::npos);
}

TEST_CASE("an address of another machine is refused with a reason") {
  const auto addresses = listening_addresses(endpoint("192.0.2.1", 0), "listen");
  REQUIRE_FALSE(addresses.has_value());
  CHECK(addresses.error().detail.find("no interface") != std::string::npos);
}

TEST_CASE("a name becomes the addresses that the machine has, each once") {
  const auto addresses = listening_addresses(endpoint("localhost", 0), "listen");
  REQUIRE(addresses.has_value());
  CHECK_FALSE(addresses->empty());
  for (const auto& address : *addresses) CHECK(address.is_loopback());
}

TEST_CASE("a name that does not exist is named") {
  const auto addresses = listening_addresses(endpoint("nowhere.invalid", 80), "listen");
  REQUIRE_FALSE(addresses.has_value());
  CHECK(addresses.error().detail.find("nowhere.invalid") != std::string::npos);
}
