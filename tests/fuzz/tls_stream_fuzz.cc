// A TlsStream of either role against OpenSSL, with what is between them cut, spoiled and broken off, and a handler that
// may do anything in its callbacks. Input: two bytes of options, then operations, a byte each with their operands
// behind it. The keys are made anew in each process, and OpenSSL draws its own random numbers: nothing here depends on
// them but the lengths of signatures.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "input.h"
#include "net/address.h"
#include "net/loop.h"
#include "support/scratch_folder.h"
#include "tls_model.h"

namespace drover::net::fuzz {
namespace {

using drover::fuzz::Input;

std::size_t size_from(unsigned byte) {
  if (byte < 160) return byte;
  return byte < 250 ? (byte - 159) * 500 : (byte - 249) * 16'384 + byte % 3 - 1;
}

// What all inputs share: it takes long to make, and no input leaves a trace in it.
struct Shared {
  Shared() {
    const test::Authority authority("Authority");
    const auto identity = authority.issue({});
    const ScratchFolder folder;
    const auto cert = test::write_file(folder / "cert", certificate_pem(identity));
    const auto key = test::write_file(folder / "key", key_pem(identity));
    auto loaded = TlsCertificate::load(cert, key, "");
    REQUIRE(loaded);
    auto made = TlsServerContext::make(
        {.certificates = {*loaded}, .client_trust = nullptr, .ticket_keys = std::make_shared<TicketKeys>()});
    REQUIRE(made);
    server = std::make_unique<TlsServerContext>(*std::move(made));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      clients.push_back(test::client_context(version));
      servers.push_back(test::server_context(identity, version));
      SSL_CTX_set_max_send_fragment(clients.back().get(), 512);  // so that a hello can be cut between records
    }
  }
  Loop loop;
  std::unique_ptr<TlsServerContext> server;
  std::vector<test::Context> clients;
  std::vector<test::Context> servers;
};

OpenSslOwner<SSL> new_ssl(const Shared& shared, bool is_server) {
  if (is_server) return shared.server->new_connection();
  // A context of its own: it would remember the sessions of other inputs.
  auto context = TlsClientContext::make(nullptr);
  REQUIRE(context);
  return context->new_connection("localhost", *Address::from_literal("127.0.0.1", 443));
}

class Driver {
 public:
  Driver(Shared& shared, Input& input)
      : shared_(shared),
        input_(input),
        options_(input.byte()),
        is_server_((options_ & 2) == 0),
        peer_((is_server_ ? shared.clients : shared.servers)[options_ & 1]),
        stream_(shared.loop, below_, new_ssl(shared, is_server_),
                is_server_ ? TlsStream::Role::kServer : TlsStream::Role::kClient),
        watcher_(stream_) {}

  void run() {
    if ((options_ & 4) != 0) below_.room = size_from(input_.byte());
    if (is_server_) {
      peer_.go_on();
      watcher_.act(Act::kRead, 0);
    } else if ((options_ & 8) != 0) {
      watcher_.plan(0, Act::kRead, 0);
    }
    if ((options_ & 16) != 0) shake_hands();
    for (int step = 0; !input_.empty() && step < kMostSteps && !watcher_.closing(); ++step) {
      operate(input_.byte());
      judge();
    }
    if (!watcher_.closing() && peer_.is_honest()) come_to_an_end();
    watcher_.act(Act::kClose, 0);
    turn();
    REQUIRE(below_.closed);
    below_.say_closed();
    REQUIRE(watcher_.closed());
    REQUIRE(shared_.loop.turns().empty());
  }

 private:
  static constexpr int kMostSteps = 2000;

  // Whatever else happens.
  void judge() {
    REQUIRE(peer_.sent().starts_with(watcher_.text()));
    REQUIRE(watcher_.text().size() <= peer_.limit());
    REQUIRE(watcher_.written().starts_with(peer_.text()));
    // Some 22 bytes a record, and what TLS itself has to say.
    const std::size_t most = watcher_.written().size() + watcher_.written().size() / 8 + 40'000 + 64 * steps_;
    REQUIRE(stream_.queued() <= most);
    REQUIRE(stream_.failure().empty() || stream_.failure().starts_with("TLS: "));
    if (watcher_.end() == ReadEnd::kEof) REQUIRE(peer_.finished() && watcher_.text() == peer_.sent());
  }

  void operate(unsigned operation) {
    ++steps_;
    switch (operation % 26) {
      case 0: return shake_hands();
      case 1: return deliver(peer_.on_the_way().size());
      case 2: return deliver(size_from(input_.byte()));
      case 3:
        for (unsigned left = input_.byte(); left > 0; --left) deliver(1), turn();
        return;
      case 4: return to_peer(static_cast<std::size_t>(-1));
      case 5: return to_peer(size_from(input_.byte()));
      case 6: return peer_.write(size_from(input_.byte()));
      case 7: return peer_.finish();
      case 8: return update_keys(input_.byte());
      case 9: return renegotiate();
      case 10: {
        const std::size_t at = input_.byte() * 256U;
        const std::size_t low = input_.byte();
        return peer_.spoil(at + low, input_.byte());
      }
      case 11: {
        const std::size_t at = input_.byte() % 4 == 0 ? 0 : peer_.on_the_way().size();
        return peer_.inject(at, input_.take(input_.byte()));
      }
      case 12: return peer_.inject(input_.byte(), std::string(peer_.on_the_way().substr(0, size_from(input_.byte()))));
      case 13: return end(ReadEnd::kEof);
      case 14: return end(ReadEnd::kReset);
      case 15: below_.room = size_from(input_.byte()); return;
      case 16: below_.room = test::FakeStream::kEndless; return;
      case 17: return below_.drain(size_from(input_.byte()));
      case 18: return below_.drain(below_.queued());
      case 19: peer_.leave_honesty(); return below_.fail();
      case 20: {
        const unsigned what = input_.byte();
        return watcher_.act(static_cast<Act>(what % 8), size_from(input_.byte()));
      }
      case 21: {
        const unsigned what = input_.byte();
        return watcher_.plan(what / 8, static_cast<Act>(what % 8), size_from(input_.byte()));
      }
      case 22: return watcher_.act(Act::kWrite, size_from(input_.byte()));
      case 23: return watcher_.act(Act::kPause, 0);
      case 24: return watcher_.act(Act::kResume, 0);
      default: return turn();
    }
  }

  void turn() { shared_.loop.turns().run_turn(); }
  // As TCP does: the stream reads when it wants to, and no more at once than its buffer takes.
  bool reads() const { return connected_ && below_.reading_wanted && !below_.paused() && !below_.closed && !ended_; }
  void deliver(std::size_t size) {
    connect();
    if (!reads()) return;
    below_.receive(peer_.leave(std::min(size, Loop::kReadBufferSize)));
  }
  void connect() {
    if (connected_) return;
    connected_ = true;
    if (is_server_) return;
    const bool refused = (options_ & 32) != 0;
    if (refused) peer_.leave_honesty();
    below_.say_connected(refused ? Result<void>(fail(Code::kConnectFailed, Side::kBackend, "refused"))
                                 : Result<void>());
    dead_ = refused;
  }
  void to_peer(std::size_t size) {
    std::string bytes = std::exchange(returning_, {}) + below_.take();
    returning_ = bytes.substr(std::min(size, bytes.size()));
    peer_.take_in(bytes.substr(0, size));
  }
  // Lets all go on as it likes, for some time.
  void shake_hands() {
    connect();
    for (int round = 0; round < 6 && !dead_; ++round) {
      deliver(peer_.on_the_way().size());
      turn();
      to_peer(static_cast<std::size_t>(-1));
    }
  }
  void update_keys(unsigned how) {
    if (!peer_.open_ssl().is_open() || peer_.finished()) return;
    for (unsigned left = how / 2; left > 0; --left) {
      if (SSL_key_update(peer_.open_ssl().ssl(),
                         (how & 1) != 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
        ERR_clear_error();
        return;
      }
      peer_.go_on();
      ++key_updates_;
    }
    // Too many of them at once, or with nobody to read the answers, is a reason to give up.
    if (key_updates_ > 30) peer_.leave_honesty();
  }
  void renegotiate() {
    if (!peer_.open_ssl().is_open() || peer_.finished()) return;
    peer_.leave_honesty();  // it takes a refusal for the end
    SSL_renegotiate(peer_.open_ssl().ssl());
    peer_.go_on();
  }
  void end(ReadEnd how) {
    connect();
    if (!reads()) return;
    peer_.leave_honesty();
    ended_ = true;
    below_.receive_end(how);
  }

  // Nothing has gone wrong on the way: then all that was said on either side comes through.
  void come_to_an_end() {
    below_.room = test::FakeStream::kEndless;
    watcher_.act(Act::kRead, 0);
    watcher_.act(Act::kResume, 0);
    const auto is_over = [&] { return watcher_.closing() || !peer_.is_honest(); };
    for (int round = 0; round < 60 && !is_over(); ++round) {
      if (watcher_.paused()) watcher_.act(Act::kResume, 0);
      below_.drain(below_.queued());
      if (!is_over()) shake_hands();
      if (!is_over()) judge();
    }
    if (watcher_.closing()) return;
    if (!is_server_ && !below_.reading_wanted) return;
    REQUIRE(peer_.is_honest());
    REQUIRE(stream_.failure().empty());
    REQUIRE(watcher_.text() == peer_.sent());
    REQUIRE(peer_.text() == watcher_.written());
    REQUIRE(peer_.ended() == watcher_.finished());
    REQUIRE(watcher_.end().has_value() == peer_.finished());
    REQUIRE(stream_.queued() == 0);
  }

  Shared& shared_;
  Input& input_;
  const unsigned options_;
  const bool is_server_;
  Peer peer_;
  test::FakeStream below_;
  TlsStream stream_;
  Watcher watcher_;
  std::string returning_;  // taken from the stream, and not given to the peer yet
  std::size_t steps_ = 0;
  bool connected_ = false;
  bool dead_ = false;
  bool ended_ = false;
  unsigned key_updates_ = 0;  // by the peer
};

}  // namespace
}  // namespace drover::net::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover::net::fuzz;
  static Shared shared;
  Input input(bytes, size);
  Driver(shared, input).run();
  return 0;
}
