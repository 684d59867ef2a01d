// What an idle TLS connection costs: OpenSSL's state, but no buffer of records.
#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/wait.h>

#include <memory>
#include <vector>

#include "support/openssl_peer.h"
#include "tls_fixture.h"

// The sanitizers' allocators are not malloc's, and know nothing of mallinfo2().
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace drover::net {

namespace {

constexpr int kConnections = 200;

// In a process of its own, whose memory does not count: connects, reads until the server's first bytes, and stays until
// `gone` is at its end.
[[noreturn]] void be_the_clients(const Address& server, int gone) {
  const auto context = test::client_context();
  std::vector<std::unique_ptr<SSL, decltype(&SSL_free)>> all;
  for (int at = 0; at < kConnections; ++at) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, server.raw(), server.raw_size()) != 0) ::_exit(1);
    SSL* const ssl = all.emplace_back(SSL_new(context.get()), SSL_free).get();
    SSL_set_fd(ssl, fd);
    char byte = 0;
    if (SSL_connect(ssl) != 1 || SSL_write(ssl, "x", 1) != 1 || SSL_read(ssl, &byte, 1) != 1) ::_exit(2);
  }
  char byte = 0;
  ::_exit(::read(gone, &byte, 1) == 0 ? 0 : 3);
}

}  // namespace

TEST_CASE("TLS: an idle connection owns no buffer of records") {
  TlsStage stage;
  const auto context = stage.make(stage.settings());
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t clients = ::fork();
  REQUIRE(clients >= 0);
  if (clients == 0) {
    ::close(ends[1]);
    be_the_clients(stage.address, ends[0]);
  }
  ::close(ends[0]);
  struct Echo final : ByteStream::Handler {
    void on_connected(ByteStream&, Result<void>) noexcept override {}
    void on_read(ByteStream& stream, Bytes bytes) noexcept override {
      stream.write(bytes);
      ++answered;
    }
    void on_read_end(ByteStream&, ReadEnd) noexcept override {}
    void on_written(ByteStream&) noexcept override {}
    void on_closed(ByteStream&) noexcept override { ++closed; }
    int answered = 0;
    int closed = 0;
  } echo;
  std::vector<std::unique_ptr<Transport>> servers;
  servers.reserve(kConnections + 1);
  const auto serve = [&](int count) {
    run_until(stage.loop, [&] {
      pollfd waiting{.fd = stage.listening.fd(), .events = POLLIN, .revents = 0};
      if (static_cast<int>(servers.size()) < count && ::poll(&waiting, 1, 1) == 1) {
        servers.push_back(std::make_unique<Transport>(stage.loop));
        REQUIRE(servers.back()->open(stage.accept(), echo, &context));
        servers.back()->stream().start_reading();
      }
      stage.loop.post([] {});
      return echo.answered == count;
    });
  };
  serve(1);  // with what all share
  const auto before = ::mallinfo2().uordblks;
  serve(kConnections);
  const auto each = (::mallinfo2().uordblks - before) / (kConnections - 1);
  CHECK(each < 20'000);  // some 14 KB; with its buffers it would be 47
  for (const auto& server : servers) server->stream().close();
  run_until(stage.loop, [&] { return echo.closed == kConnections; });
  ::close(ends[1]);
  int status = 0;
  REQUIRE(::waitpid(clients, &status, 0) == clients);
  CHECK(status == 0);
}

}  // namespace drover::net

#endif
