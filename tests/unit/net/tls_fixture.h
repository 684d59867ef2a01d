// TLS over real loopback TCP: a server's Transport and a client's TlsStream in one loop.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driving.h"
#include "net/tls_context.h"
#include "net/tls_stream.h"
#include "net/transport.h"
#include "sockets.h"
#include "stream_fixture.h"
#include "support/certificates.h"
#include "support/scratch_folder.h"

namespace drover::net {

using test::Authority;
using test::Identity;

enum class Newest { k12, k13 };  // version that the client speaks

inline std::string_view name_of(Newest newest) {
  return newest == Newest::k12 ? "TLS 1.2" : "TLS 1.3";
}

// What connections have in common: a loop, a port, an authority, and contexts that suit each other.
struct TlsStage {
  explicit TlsStage(int buffer = 0) : listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::signal(SIGPIPE, SIG_IGN);  // as the process does
    if (buffer != 0) ::setsockopt(listening.fd(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    if (buffer != 0) ::setsockopt(listening.fd(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    const auto any = loopback();
    REQUIRE(::bind(listening.fd(), any.raw(), any.raw_size()) == 0);
    REQUIRE(::listen(listening.fd(), 128) == 0);
    sockaddr_in bound{};
    socklen_t size = sizeof(bound);
    REQUIRE(::getsockname(listening.fd(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    address = Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&bound));
  }

  std::shared_ptr<const TlsCertificate> certificate(const Identity& identity, const std::string& more = "",
                                                    const std::string& ocsp = "") {
    const std::string at = folder / std::to_string(++files).c_str();
    test::write_file(at + ".pem", certificate_pem(identity) + more);
    test::write_file(at + ".key", key_pem(identity));
    if (!ocsp.empty()) test::write_file(at + ".der", ocsp);
    auto loaded = TlsCertificate::load(at + ".pem", at + ".key", ocsp.empty() ? "" : at + ".der");
    REQUIRE_MESSAGE(loaded, loaded.error().detail);
    return *loaded;
  }
  std::shared_ptr<const TlsTrust> trust(const Authority& whom, const std::string& revocations = "") {
    const std::string at = folder / std::to_string(++files).c_str();
    test::write_file(at + ".ca", certificate_pem(whom.self()));
    if (!revocations.empty()) test::write_file(at + ".crl", revocations);
    auto loaded = TlsTrust::load(at + ".ca", revocations.empty() ? "" : at + ".crl");
    REQUIRE_MESSAGE(loaded, loaded.error().detail);
    return *loaded;
  }
  TlsServerContext::Settings settings(const test::Wish& wish = {}) {
    return {.certificates = {certificate(authority.issue(wish))}, .client_trust = nullptr, .ticket_keys = ticket_keys};
  }
  static TlsServerContext make(const TlsServerContext::Settings& settings) {
    auto made = TlsServerContext::make(settings);
    REQUIRE_MESSAGE(made, made.error().detail);
    return *std::move(made);
  }
  static TlsClientContext make(std::shared_ptr<const TlsTrust> whom) {
    auto made = TlsClientContext::make(std::move(whom));
    REQUIRE_MESSAGE(made, made.error().detail);
    return *std::move(made);
  }
  // The handshakes at the server's side that are over.
  std::uint64_t handshakes() const {
    const auto& counts = loop.tls_counts().clients;
    return counts.full.read() + counts.resumed.read() + counts.failed.read();
  }
  int accept() const {
    const int fd = ::accept4(listening.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    REQUIRE(fd >= 0);
    return fd;
  }

  Loop loop;
  Socket listening;
  Address address;
  ScratchFolder folder;
  int files = 0;
  Authority authority{"Test authority"};
  std::shared_ptr<TicketKeys> ticket_keys = std::make_shared<TicketKeys>();
};

struct TlsConnection {
  explicit TlsConnection(TlsStage& on, Newest newest_spoken = Newest::k13)
      : stage(on), newest(newest_spoken), server(on.loop), tcp(on.loop) {}
  ~TlsConnection() { finish(); }
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  // The client dials, and the server accepts and reads.
  void open(const TlsServerContext& server_context, const TlsClientContext& client_context,
            const std::string& name = "localhost") {
    dial(client_context, name);
    accept(server_context);
  }
  void dial(const TlsClientContext& context, const std::string& name = "localhost") {
    auto ssl = context.new_connection(name, stage.address);
    if (newest == Newest::k12) SSL_set_max_proto_version(ssl.get(), TLS1_2_VERSION);
    dial(std::move(ssl));
  }
  void dial(OpenSslOwner<ssl_st> ssl) {
    client_ssl = ssl.get();
    client = std::make_unique<TlsStream>(stage.loop, tcp, std::move(ssl), TlsStream::Role::kClient);
    client->set_handler(at_client);
    REQUIRE(tcp.connect(stage.address));
  }
  void accept(const TlsServerContext& context) {
    REQUIRE(server.open(stage.accept(), at_server, &context));
    server.stream().start_reading();
  }
  // Until both sides know how it has ended.
  void shake_hands() {
    const auto before = stage.handshakes();
    run_until(stage.loop, [&] { return at_client.connected.has_value() && stage.handshakes() > before; });
  }
  // Both, and the client reads.
  void establish(const TlsServerContext& server_context, const TlsClientContext& client_context,
                 const std::string& name = "localhost") {
    open(server_context, client_context, name);
    shake_hands();
    REQUIRE_MESSAGE(at_client.connected->has_value(), at_client.connected->error().detail);
    client->start_reading();
  }
  void finish() {
    const bool has_client = tcp.in_use();
    const bool has_server = server.in_use();
    const int closed_before = at_client.closed + at_server.closed;
    if (has_client) client->close();
    if (has_server) server.stream().close();
    run_until(stage.loop, [&] {
      return at_client.closed + at_server.closed == closed_before + (has_client ? 1 : 0) + (has_server ? 1 : 0);
    });
  }
  std::string client_error() const {
    return at_client.connected && !*at_client.connected ? at_client.connected->error().detail : "";
  }

  TlsStage& stage;
  const Newest newest;
  Recorder at_server;
  Recorder at_client;
  Transport server;
  TcpStream tcp;  // the client's
  std::unique_ptr<TlsStream> client;
  ssl_st* client_ssl = nullptr;  // until it is closed
};

// A stage with contexts that suit each other, and one connection over it that is established.
struct Established : TlsStage {
  explicit Established(Newest newest = Newest::k13, int buffer = 0)
      : TlsStage(buffer),
        server_context(make(settings())),
        client_context(make(trust(authority))),
        connection(*this, newest) {
    connection.establish(server_context, client_context);
  }
  ByteStream& server() { return connection.server.stream(); }
  TlsStream& client() { return *connection.client; }
  Recorder& at_server() { return connection.at_server; }
  Recorder& at_client() { return connection.at_client; }

  TlsServerContext server_context;
  TlsClientContext client_context;
  TlsConnection connection;
};

}  // namespace drover::net
