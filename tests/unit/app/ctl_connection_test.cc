// The connection of `drover ctl`: which of several addresses it is to.
#include "app/ctl_connection.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>

#include "base/clock.h"
#include "canned_server.h"

using namespace drover;
using namespace drover::app;
using namespace std::chrono_literals;

namespace {

net::Address loopback(std::uint16_t port) {
  return *net::Address::from_literal("127.0.0.1", port);
}

// Where nobody listens.
net::Address refusing() {
  return loopback(CannedServer([](const std::string&) { return std::string(); }).port());
}

}  // namespace

TEST_CASE("ctl: addresses are tried in their order until one answers") {
  CannedServer server([](const std::string&) { return std::string("hello"); });
  const std::array addresses = {refusing(), loopback(server.port()), refusing()};
  auto connection = CtlConnection::open(addresses, monotonic_now() + 30s);
  REQUIRE(connection.has_value());
  REQUIRE(connection->write("x\r\n\r\n").has_value());
  std::array<std::uint8_t, 16> space{};
  CHECK(connection->read(space).value_or(0) == 5);
  CHECK(connection->read(space).value_or(1) == 0);  // its end
}

TEST_CASE("ctl: where nobody answers, the last one's error is told") {
  const std::array addresses = {refusing(), refusing()};
  const auto connection = CtlConnection::open(addresses, monotonic_now() + 30s);
  REQUIRE_FALSE(connection.has_value());
  CHECK(connection.error().code == Code::kConnectFailed);
  CHECK(connection.error().detail == "connection refused");
}
