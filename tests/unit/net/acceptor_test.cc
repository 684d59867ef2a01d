// Accepting: peers, limits, exhausted descriptors, stopping, and callbacks that end the acceptor itself.
#include "net/acceptor.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <vector>

#include "driving.h"
#include "sockets.h"

namespace drover::net {

namespace {

struct Fixture {
  Fixture() {
    acceptor = std::make_unique<Acceptor>(loop, Acceptor::Callbacks{.may_accept = [this] { return open; },
                                                                    .on_accept =
                                                                        [this](int fd, const Address& peer) {
                                                                          accepted.emplace_back(fd);
                                                                          peers.push_back(peer);
                                                                          then();
                                                                        },
                                                                    .on_exhausted =
                                                                        [this](int error_number) {
                                                                          ++exhausted;
                                                                          last_error = error_number;
                                                                        }});
    REQUIRE(acceptor->listen(loopback()));
    address = acceptor->address();
  }
  // Connected as far as the kernel is concerned.
  Socket connect() const {
    Socket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(client));
    return client;
  }
  bool connect(const Socket& client) const { return ::connect(client.fd(), address.raw(), address.raw_size()) == 0; }

  Loop loop;
  bool open = true;
  std::function<void()> then = [] {};
  std::vector<Socket> accepted;
  std::vector<Address> peers;
  int exhausted = 0;
  int last_error = 0;
  std::unique_ptr<Acceptor> acceptor;
  Address address;
};

}  // namespace

TEST_CASE("port 0 becomes a real one, and peers are told by their address") {
  Fixture f;
  CHECK(f.address.port() != 0);
  const auto client = f.connect();
  run_until(f.loop, [&] { return f.accepted.size() == 1; });
  sockaddr_in own{};
  socklen_t size = sizeof(own);
  REQUIRE(::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&own), &size) == 0);
  CHECK(f.peers[0].text() == Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&own)).text());
  CHECK((::fcntl(f.accepted[0].fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(f.accepted[0].fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a storm is accepted whole") {
  Fixture f;
  std::vector<Socket> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(f.connect());
  run_until(f.loop, [&] { return f.accepted.size() == 200; });
  CHECK(f.exhausted == 0);
}

TEST_CASE("two listen on one address, and an address that is taken is an error") {
  Fixture f;
  Acceptor second(f.loop,
                  {.may_accept = [] { return true; }, .on_accept = [](int, auto&) {}, .on_exhausted = [](int) {}});
  CHECK(second.listen(f.address));
  const Socket exclusive(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto any = loopback();
  REQUIRE(::bind(exclusive.fd(), any.raw(), any.raw_size()) == 0);
  sockaddr_in bound{};
  socklen_t size = sizeof(bound);
  REQUIRE(::getsockname(exclusive.fd(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  const auto taken = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound));
  Acceptor third(f.loop,
                 {.may_accept = [] { return true; }, .on_accept = [](int, auto&) {}, .on_exhausted = [](int) {}});
  const auto listening = third.listen(taken);
  REQUIRE(!listening);
  CHECK(listening.error().code == Code::kAddress);
  CHECK(listening.error().detail.find(taken.text()) != std::string::npos);
}

TEST_CASE("IPv6, where the machine has it, takes IPv4 peers under their own address") {
  Fixture f;
  Acceptor dual(f.loop, {.may_accept = [] { return true; },
                         .on_accept =
                             [&f](int fd, const Address& peer) {
                               f.accepted.emplace_back(fd);
                               f.peers.push_back(peer);
                             },
                         .on_exhausted = [](int) {}});
  if (!dual.listen(*Address::from_literal("::", 0))) return;
  Socket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = loopback(dual.address().port());
  REQUIRE(::connect(client.fd(), address.raw(), address.raw_size()) == 0);
  run_until(f.loop, [&] { return f.accepted.size() == 1; });
  CHECK(f.peers[0].ip_text() == "127.0.0.1");
}

TEST_CASE("who may not come in yet waits in the backlog, and comes in later by itself") {
  Fixture f;
  f.open = false;
  const auto client = f.connect();
  run_some(f.loop);
  CHECK(f.accepted.empty());
  f.open = true;
  run_until(f.loop, [&] { return f.accepted.size() == 1; });
}

TEST_CASE("without descriptors it stands still, tells, and recovers by itself") {
  Fixture f;
  const Socket client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const FewDescriptors few;
    REQUIRE(f.connect(client));
    uv_update_time(f.loop.raw());
    const auto start = monotonic_now();
    run_until(f.loop, [&] { return f.exhausted == 3; });
    CHECK(monotonic_now() - start >= Milliseconds(350));  // it does not spin
    CHECK(f.last_error == EMFILE);
    CHECK(f.accepted.empty());
  }
  run_until(f.loop, [&] { return f.accepted.size() == 1; });
}

TEST_CASE("stop takes what waits already, and then refuses") {
  Fixture f;
  std::vector<Socket> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(f.connect());
  f.acceptor->stop();
  CHECK(f.accepted.size() == 100);
  f.acceptor->stop();
  CHECK(!f.connect(Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
  run_some(f.loop);
  CHECK(f.accepted.size() == 100);
}

TEST_CASE("stopping while it holds off leaves no deadline behind") {
  Fixture f;
  f.open = false;
  const auto client = f.connect();
  run_some(f.loop);
  CHECK(f.acceptor->armed());
  f.acceptor->stop();
  CHECK(!f.acceptor->armed());
  CHECK(f.loop.wheel().empty());
}

TEST_CASE("on_accept may stop the acceptor") {
  Fixture f;
  f.then = [&f] { f.acceptor->stop(); };
  std::vector<Socket> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(f.connect());
  run_until(f.loop, [&] { return f.accepted.size() == 3; });
  run_some(f.loop);
  CHECK(f.exhausted == 0);
}

TEST_CASE("destroying it closes its socket at once") {
  Fixture f;
  f.acceptor.reset();
  CHECK(!f.connect(Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))));
}

}  // namespace drover::net
