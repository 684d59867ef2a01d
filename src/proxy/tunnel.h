// The part of a session after the 101: two relays, their backpressure, and how it ends. It ends by the Closes of both
// sides, by the loss of one (the other gets a Close of Drover's own where the stream stands at a frame boundary), or by
// Drover. From the first of these on `timeouts.close` bounds what is left; everything but EOF is then only drained.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "config/config.h"
#include "net/byte_stream.h"
#include "observe/access_log.h"
#include "proxy/relay.h"
#include "websocket/handshake.h"

namespace drover::proxy {

class Session;

// Copied from the pool: a tunnel that lives for a week must not keep a week-old configuration alive.
struct TunnelLimits {
  websocket::ScanLimits scan;
  Milliseconds idle{0};                                       // 0: none
  std::chrono::duration<std::uint32_t, std::milli> close{0};  // up to 49 days
  std::uint32_t max_queued = 0;                               // bytes a direction; reading goes on at half of it
};
TunnelLimits tunnel_limits(const config::Pool& settings, const websocket::UpgradeAnswer& answer);

class Tunnel final : public net::ByteStream::Handler {
 public:
  // Both streams of `session` are open and read from now on; `session` owns the tunnel.
  Tunnel(Session& session, const TunnelLimits& limits);

  // Bytes that came behind the heads, the first frames of the tunnel.
  void start(Bytes behind_answer, Bytes behind_request);
  // Closes both sides in order: at the next frame boundary each, lingering.
  void shut_down(websocket::CloseCode code, const char* reason, observe::Why why);
  void on_deadline();

  const Relay& to_backend() const { return to_backend_; }
  const Relay& to_client() const { return to_client_; }

 private:
  enum class Life : std::uint8_t { kAlive, kEof, kDead };
  // One side of the tunnel with all that a callback of its stream needs.
  struct End {
    net::ByteStream& stream;  // this side
    net::ByteStream& other;
    Relay& from;     // what this side sends
    Relay& towards;  // what it is sent
    Life& life;
    observe::Initiator initiator;
  };
  End end_of(const net::ByteStream& stream);

  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;

  void relay(End end, Bytes bytes);
  void on_violation(End offender);
  void close_towards(End end, websocket::CloseCode code, const char* reason);
  void stop_sending_to(End end);
  void begin_closing();
  void finish_if_done();

  Session& session_;
  TunnelLimits limits_;
  MonotonicTime active_at_;  // last byte either way
  Relay to_backend_{websocket::Sender::kClient};
  Relay to_client_{websocket::Sender::kBackend};
  Life client_ = Life::kAlive;
  Life backend_ = Life::kAlive;
  bool closing_ = false;  // timeouts.close is running
};

}  // namespace drover::proxy
