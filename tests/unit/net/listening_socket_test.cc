// Binding, moving, and a door that lets nobody new in while those inside are served.
#include "net/listening_socket.h"

#include <doctest/doctest.h>

#include <utility>

#include "sockets.h"

namespace drover::net {

namespace {

ListeningSocket open_one(std::uint16_t port = 0) {
  auto opened = ListeningSocket::open(loopback(port));
  REQUIRE(opened);
  return *std::move(opened);
}

Socket begin_connecting(const Address& address) {
  Socket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  static_cast<void>(::connect(client.fd(), address.raw(), address.raw_size()));
  return client;
}

// On loopback a handshake is over when connect() returns, unless its SYN was dropped.
bool is_connected(const Socket& client) {
  pollfd poll{.fd = client.fd(), .events = POLLOUT, .revents = 0};
  return ::poll(&poll, 1, 0) == 1 && (poll.revents & (POLLERR | POLLHUP)) == 0;
}

int accept_one(const ListeningSocket& socket) {
  return ::accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace

TEST_CASE("port 0 becomes a real one, which a second socket may share") {
  const auto first = open_one();
  CHECK(first.address().port() != 0);
  const auto second = open_one(first.address().port());
  CHECK(second.address().text() == first.address().text());
}

TEST_CASE("an address of another machine is an error that says so") {
  const auto opened = ListeningSocket::open(*Address::from_literal("192.0.2.1", 80));
  REQUIRE(!opened);
  CHECK(opened.error().code == Code::kAddress);
  CHECK(opened.error().detail == "cannot listen on 192.0.2.1:80: bind: Cannot assign requested address");
}

TEST_CASE("it closes with its last owner") {
  auto socket = open_one();
  const auto address = socket.address();
  ListeningSocket other = std::move(socket);
  CHECK(is_connected(begin_connecting(address)));
  socket = std::move(other);
  CHECK(is_connected(begin_connecting(address)));
  socket = {};
  CHECK(!is_connected(begin_connecting(address)));
}

TEST_CASE("newcomers are neither accepted nor refused, and those who came before are served") {
  auto socket = open_one();
  const auto before = begin_connecting(socket.address());
  REQUIRE(is_connected(before));
  REQUIRE(socket.refuse_newcomers());
  const auto newcomer = begin_connecting(socket.address());
  CHECK(!is_connected(newcomer));
  pollfd poll{.fd = newcomer.fd(), .events = POLLOUT, .revents = 0};
  CHECK(::poll(&poll, 1, 0) == 0);  // it goes on trying

  const Socket served(accept_one(socket));
  REQUIRE(served.fd() >= 0);
  CHECK(accept_one(socket) < 0);
  REQUIRE(::send(before.fd(), "x", 1, MSG_NOSIGNAL) == 1);
  char byte = 0;
  CHECK(::recv(served.fd(), &byte, 1, 0) == 1);

  socket.welcome_newcomers();
  CHECK(is_connected(begin_connecting(socket.address())));
}

}  // namespace drover::net
