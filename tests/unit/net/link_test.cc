// What the kernel says of a connection whose ends the test holds.
#include "net/link.h"

#include <doctest/doctest.h>
#include <linux/tcp.h>

#include <chrono>
#include <functional>
#include <thread>

#include "sockets.h"

namespace drover::net {

std::uint32_t segments_out(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  return info.tcpi_segs_out;
}

namespace {

// What TCP does on loopback is done within moments, but not within the call.
void wait_until(const std::function<bool()>& happened) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!happened() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  REQUIRE(happened());
}

// Writes until the kernel takes no more: how many bytes it took.
std::uint64_t fill(const Socket& socket) {
  const std::string chunk(64 * 1024, 'x');
  std::uint64_t written = 0;
  for (;;) {
    const ssize_t sent = ::send(socket.fd(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (sent <= 0) return written;
    written += static_cast<std::uint64_t>(sent);
  }
}

constexpr int kSmall = 4 * 1024;  // the kernel's buffers, so that little fills them

TEST_CASE("a quiet connection is neither lost nor busy") {
  const Pair pair = connected_pair();
  const Link link = link_of(pair.ours.fd());
  CHECK_FALSE(link.lost);
  CHECK(link.unread == 0);
  CHECK_FALSE(link.unsent);
}

TEST_CASE("bytes that have arrived are counted until they are read") {
  Pair pair = connected_pair();
  pair.peers.send("hello");
  wait_until([&] { return link_of(pair.ours.fd()).unread == 5; });
  CHECK(pair.ours.receive(2) == "he");
  CHECK(link_of(pair.ours.fd()).unread == 3);
  CHECK(pair.ours.receive() == "llo");
  CHECK(link_of(pair.ours.fd()).unread == 0);
}

TEST_CASE("bytes are in flight while the peer does not read, and acknowledged as it does") {
  Pair pair = connected_pair(kSmall);
  const std::uint64_t before = link_of(pair.ours.fd()).acknowledged;
  const std::uint64_t written = fill(pair.ours);
  REQUIRE(written > 0);
  Link full = link_of(pair.ours.fd());
  CHECK(full.unsent);
  CHECK_FALSE(full.lost);
  CHECK(full.acknowledged - before < written);

  std::uint64_t read = 0;
  wait_until([&] {
    read += pair.peers.receive().size();
    return read == written;
  });
  wait_until([&] { return !link_of(pair.ours.fd()).unsent; });
  CHECK(link_of(pair.ours.fd()).acknowledged - before == written);
}

TEST_CASE("what is acknowledged grows by what is sent") {
  const Pair pair = connected_pair();
  const std::uint64_t before = link_of(pair.ours.fd()).acknowledged;
  pair.ours.send("hello");
  wait_until([&] { return link_of(pair.ours.fd()).acknowledged == before + 5; });
  pair.ours.send("world!");
  wait_until([&] { return link_of(pair.ours.fd()).acknowledged == before + 11; });
}

TEST_CASE("a reset is seen though nobody reads, with bytes unread and bytes in flight as well") {
  Pair quiet = connected_pair();
  quiet.peers.reset();
  wait_until([&] { return link_of(quiet.ours.fd()).lost; });

  Pair unread = connected_pair();
  unread.peers.send("never read");
  unread.peers.reset();
  wait_until([&] { return link_of(unread.ours.fd()).lost; });

  Pair stuck = connected_pair(kSmall);
  fill(stuck.ours);
  stuck.peers.reset();
  wait_until([&] { return link_of(stuck.ours.fd()).lost; });
}

TEST_CASE("the peer's FIN is no loss: writing goes on") {
  Pair pair = connected_pair();
  pair.peers.send("last words");
  REQUIRE(::shutdown(pair.peers.fd(), SHUT_WR) == 0);
  const auto fin_arrived = [&] {
    pollfd poll{.fd = pair.ours.fd(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&poll, 1, 0) == 1 && (poll.revents & POLLRDHUP) != 0;
  };
  wait_until(fin_arrived);
  CHECK_FALSE(link_of(pair.ours.fd()).lost);
  CHECK(pair.ours.receive() == "last words");
  CHECK_FALSE(link_of(pair.ours.fd()).lost);
  const std::uint64_t before = link_of(pair.ours.fd()).acknowledged;
  pair.ours.send("still here");
  wait_until([&] { return link_of(pair.ours.fd()).acknowledged == before + 10; });
  CHECK_FALSE(link_of(pair.ours.fd()).lost);
}

TEST_CASE("what is no socket is known for nothing") {
  const Link link = link_of(-1);
  CHECK(link.unread == 0);
  CHECK_FALSE(link.unsent);
  CHECK(link.acknowledged == 0);
}

}  // namespace
}  // namespace drover::net
