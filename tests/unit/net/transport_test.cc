// Transport: one connection after the other, plain or TLS, and handlers that close, reopen and destroy in callbacks.
#include "net/transport.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <memory>
#include <string>

#include "tls_fixture.h"

namespace drover::net {

namespace {

const std::string kName = "localhost";

struct Contexts : TlsStage {
  explicit Contexts(int buffer = 0) : TlsStage(buffer) {}
  TlsServerContext server = make(settings());
  TlsClientContext client = make(trust(authority));
  TlsTarget target{client, kName};
};

// Says hello and good-bye, and closes at the end, or in its callback number `close_at`.
class Hasty final : public ByteStream::Handler {
 public:
  Hasty(int close_at, std::string text) : close_at_(close_at), text_(std::move(text)) {}
  Hasty* other = nullptr;  // closes this one's stream as well
  ByteStream* stream_of_other = nullptr;
  int calls = 0;
  int closed = 0;
  bool was_called_late = false;

 private:
  void on_connected(ByteStream& stream, Result<void> result) noexcept override {
    if (step(stream)) return;
    CHECK(result);
    stream.start_reading();
    stream.write_last(as_bytes(text_));
  }
  void on_read(ByteStream& stream, Bytes) noexcept override { step(stream); }
  void on_read_end(ByteStream& stream, ReadEnd) noexcept override {
    if (!step(stream) && stream.queued() == 0) close(stream);
    ended_ = true;
  }
  void on_written(ByteStream& stream) noexcept override {
    if (!step(stream) && ended_ && stream.queued() == 0) close(stream);
  }
  void on_closed(ByteStream&) noexcept override { ++closed; }
  bool step(ByteStream& stream) {
    was_called_late = was_called_late || closing_;
    if (++calls != close_at_) return false;
    close(stream);
    return true;
  }
  void close(ByteStream& stream) {
    closing_ = true;
    stream.close();
    if (other == nullptr) return;
    other->closing_ = true;
    stream_of_other->close();
  }

  const int close_at_;
  const std::string text_;
  bool closing_ = false;
  bool ended_ = false;
};

// Whether there was a callback of that number.
bool close_in_callback(Contexts& f, int at_server, int at_client, bool both) {
  Transport server(f.loop);
  Transport client(f.loop);
  Hasty server_handler(at_server, noise(100'000));
  Hasty client_handler(at_client, noise(100'000));
  REQUIRE(client.connect(f.address, client_handler, &f.target));
  REQUIRE(server.open(f.accept(), server_handler, &f.server));
  if (both) server_handler.other = &client_handler, server_handler.stream_of_other = &client.stream();
  if (both) client_handler.other = &server_handler, client_handler.stream_of_other = &server.stream();
  server.stream().start_reading();
  server.stream().write_last(as_bytes(noise(100'000)));
  run_until(f.loop, [&] { return server_handler.closed + client_handler.closed == 2; });
  CHECK(!server.in_use());
  CHECK(!client.in_use());
  CHECK(!server_handler.was_called_late);
  CHECK(!client_handler.was_called_late);
  CHECK(f.loop.outboxes().size() == 0);
  CHECK(f.loop.turns().empty());
  return server_handler.calls >= at_server && client_handler.calls >= at_client;
}

}  // namespace

TEST_CASE("TLS: closing is allowed in every callback") {
  Contexts f(kSmallBuffer);
  for (const bool both : {false, true}) {
    int at_server = 1;
    int at_client = 1;
    while (close_in_callback(f, at_server, 0, both)) ++at_server;
    while (close_in_callback(f, 0, at_client, both)) ++at_client;
    CHECK(at_server > 2);
    CHECK(at_client > 4);
  }
  run_some(f.loop);
}

TEST_CASE("a Transport serves one connection after the other: plain, TLS, plain") {
  Contexts f;
  Transport server(f.loop);
  Transport client(f.loop);
  for (const bool with_tls : {false, true, true, false}) {
    Recorder at_server;
    Recorder at_client;
    REQUIRE(client.connect(f.address, at_client, with_tls ? &f.target : nullptr));
    REQUIRE(server.open(f.accept(), at_server, with_tls ? &f.server : nullptr));
    CHECK((client.tls() != nullptr) == with_tls);
    CHECK((server.tls() != nullptr) == with_tls);
    server.stream().start_reading();
    server.stream().write(as_bytes("hello"));
    run_until(f.loop, [&] { return at_client.connected.has_value(); });
    REQUIRE(at_client.connected->has_value());
    client.stream().start_reading();
    client.stream().write(as_bytes("hi"));
    run_until(f.loop, [&] { return at_client.text == "hello" && at_server.text == "hi"; });
    client.stream().close();
    server.stream().close();
    CHECK(client.in_use());
    run_until(f.loop, [&] { return at_client.closed == 1 && at_server.closed == 1; });
    CHECK(!client.in_use());
  }
}

TEST_CASE("a Transport may be opened again in on_closed, and destroyed in it") {
  Contexts f;
  struct Again final : ByteStream::Handler {
    explicit Again(Contexts& with) : f(with), client(std::make_unique<Transport>(with.loop)) {}
    void on_connected(ByteStream& stream, Result<void> result) noexcept override {
      CHECK(result);
      stream.close();
    }
    void on_read(ByteStream&, Bytes) noexcept override {}
    void on_read_end(ByteStream&, ReadEnd) noexcept override {}
    void on_written(ByteStream&) noexcept override {}
    void on_closed(ByteStream&) noexcept override {
      ++times;
      if (times == 4) return client.reset();
      CHECK(client->connect(f.address, *this, times % 2 == 1 ? &f.target : nullptr));
    }
    Contexts& f;
    std::unique_ptr<Transport> client;
    int times = 0;
  } again(f);
  REQUIRE(again.client->connect(f.address, again, &f.target));
  std::vector<std::unique_ptr<Transport>> servers;
  Recorder at_servers;
  run_until(f.loop, [&] {
    pollfd waiting{.fd = f.listening.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 1) == 1) {
      auto& server = servers.emplace_back(std::make_unique<Transport>(f.loop));
      REQUIRE(server->open(f.accept(), at_servers, &f.server));
      server->stream().start_reading();
    }
    f.loop.post([] {});
    return again.client == nullptr;
  });
  for (const auto& server : servers) server->stream().close();
  run_until(f.loop, [&] { return at_servers.closed == static_cast<int>(servers.size()); });
}

TEST_CASE("a Transport that could not be opened can be opened again") {
  Contexts f;
  Transport server(f.loop);
  Recorder recorder;
  const auto opened = server.open(::open("/dev/null", O_RDONLY | O_CLOEXEC), recorder, &f.server);  // no epoll for it
  REQUIRE(!opened);
  CHECK(opened.error().code == Code::kOwnResources);
  CHECK(server.in_use());
  server.stream().close();
  run_until(f.loop, [&] { return recorder.closed == 1; });
  const Socket wire(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(wire.fd(), f.address.raw(), f.address.raw_size()) == 0);
  REQUIRE(server.open(f.accept(), recorder, nullptr));
  server.stream().start_reading();
  wire.send("plain");
  run_until(f.loop, [&] { return recorder.text == "plain"; });
  server.stream().close();
  run_until(f.loop, [&] { return recorder.closed == 2; });

  Transport client(f.loop);
  const FewDescriptors few;
  CHECK(!client.connect(f.address, recorder, &f.target));
  CHECK(!client.in_use());
}

}  // namespace drover::net
