// ByteStream over another: TLS (RFC 8446, RFC 5246). What comes in is decrypted into the loop's shared buffer and
// handed on at once, and what goes out is encrypted at once, so nothing waits here: what the peer is too slow for waits
// in the stream below, as ciphertext. Handshakes wait for their turn (TurnQueue). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/byte_stream.h"
#include "net/loop.h"
#include "net/openssl.h"
#include "net/tls_counts.h"
#include "net/turn_queue.h"

namespace drover::net {

// Who is at the other end, by a certificate that was checked.
struct PeerIdentity {
  std::string subject;      // as RFC 2253 has it, in printable ASCII
  std::string fingerprint;  // SHA-256 of the certificate, 64 lower-case hexadecimal digits
};

class TlsStream final : public ByteStream, ByteStream::Handler, TurnQueue::Job {
 public:
  enum class Role : std::uint8_t { kServer, kClient };

  // `ssl`: a context's new_connection(), null where there was no memory for it. `below` outlives the stream, has it as
  // its handler from now on, and is yet to be opened.
  TlsStream(Loop& loop, ByteStream& below, OpenSslOwner<ssl_st> ssl, Role role);
  // Must have been closed, or never opened.
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  void set_handler(ByteStream::Handler& handler) override { handler_ = &handler; }
  // Before the end of the handshake it waits for that.
  using ByteStream::write;
  void write(std::span<const Bytes> pieces) override;
  using ByteStream::write_last;
  void write_last(std::span<const Bytes> pieces) override;
  // In bytes of ciphertext.
  std::size_t queued() const override;
  bool write_failed() const override { return life_ == Life::kBroken || below_.write_failed(); }
  // close_notify, and the end of the stream below behind it.
  void finish_writing() override;
  void start_reading() override;
  void pause(PauseReason reason) override { below_.pause(reason); }
  void resume(PauseReason reason) override;
  bool paused() const override { return below_.paused(); }
  std::size_t unread() const override { return below_.unread(); }
  Link link() const override { return below_.link(); }
  void keep_alive() override { below_.keep_alive(); }
  std::string_view failure() const override { return failure_ == nullptr ? std::string_view() : *failure_; }
  // Without close_notify; that is finish_writing()'s.
  void close() override;

  // Whether the handshake has begun, and is not over.
  bool shaking_hands() const { return life_ == Life::kHandshake && opening_->begun; }
  // None: it has shown none, or the handshake is not over.
  std::optional<PeerIdentity> peer_identity() const;
  // Protocol, cipher suite and, where there is one, the group of the key exchange, as OpenSSL names them:
  // "TLSv1.3 TLS_AES_256_GCM_SHA384 x25519". Empty: the handshake is not over.
  std::string agreed() const;

 private:
  enum class Life : std::uint8_t { kHandshake, kOpen, kBroken, kClosed };
  // What the handshake needs, and what waits for its end.
  struct Opening {
    std::vector<std::uint8_t> received;  // from below, and not read by OpenSSL yet
    std::vector<std::uint8_t> written;   // to be encrypted
    bool finish = false;                 // finish_writing() behind it
    bool begun = false;                  // a byte of it has come or gone
    bool greeted = false;                // of a server: OpenSSL has its client's hello, or may have it
  };
  enum class Reading : std::uint8_t { kNotWanted, kWanted, kEnded };
  enum class Ending : std::uint8_t { kNone, kNotify };

  void on_connected(ByteStream& below, Result<void> result) noexcept override;
  void on_read(ByteStream& below, Bytes bytes) noexcept override;
  void on_read_end(ByteStream& below, ReadEnd end) noexcept override;
  void on_written(ByteStream& below) noexcept override;
  void on_closed(ByteStream& below) noexcept override;
  void on_turn() noexcept override;

  void greet(Bytes bytes);
  void wait_for_turn();
  // `received` is all that has come and OpenSSL has not read.
  void shake_hands(Bytes received);
  void flush();
  void finish_handshake(Bytes rest);
  void hand_on_early_bytes();
  void receive(Bytes bytes);
  void send(std::span<const Bytes> pieces, Ending ending);
  bool answers_too_much(std::size_t answered);
  std::string reason_of(const char* what) const;
  void give_up(std::string why);
  void say_failed(ReadEnd end);
  void end_reading(ReadEnd end);
  TlsCounts::OfSide& counts();

  Loop& loop_;
  ByteStream& below_;
  ByteStream::Handler* handler_ = nullptr;
  OpenSslOwner<ssl_st> ssl_;
  std::unique_ptr<Opening> opening_;      // until all that came with the handshake has been handed on
  std::unique_ptr<std::string> failure_;  // once it is broken
  std::uint32_t answered_ = 0;            // bytes that TLS itself has sent to somebody who takes none
  const Role role_;
  Life life_ = Life::kHandshake;
  Reading reading_ = Reading::kNotWanted;
  bool finished_ = false;  // writing
};

}  // namespace drover::net
