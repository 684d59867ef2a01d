// The part of a session after the 101: two relays, their backpressure, the pings of Drover's own, and how it ends. It
// ends by the Closes of both sides, by the loss of one (the other gets a Close of Drover's own where the stream stands
// at a frame boundary), or by Drover. From the first of these on `timeouts.close` bounds what is left; everything but
// EOF is then only drained.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/config.h"
#include "net/byte_stream.h"
#include "observe/access_log.h"
#include "proxy/movable.h"
#include "proxy/pulse.h"
#include "proxy/relay.h"
#include "proxy/tunnel_host.h"
#include "websocket/handshake.h"

namespace drover::proxy {

// Copied from the pool: a tunnel that lives for a week must not keep a week-old configuration alive.
struct TunnelLimits {
  using Span = std::chrono::duration<std::uint32_t, std::milli>;  // up to 49 days
  websocket::ScanLimits scan;
  Milliseconds idle{0};          // 0: none
  Span close{0};                 // from the first Close or loss to the end
  Span stalled_write{0};         // 0: none
  Span ping_client{0};           // silence before a ping; 0: none
  Span ping_backend{0};          // the same
  Span ping_timeout{0};          // silence after it
  std::uint32_t max_queued = 0;  // bytes a direction; reading goes on at half of it
  float farewell_pace = 0;       // clients of lost backends that are told so a second, in the pool
};
TunnelLimits tunnel_limits(const config::Pool& settings, const websocket::UpgradeAnswer& answer);

class Tunnel final : public net::ByteStream::Handler, Relay::Observer {
 public:
  // Both streams of `host`, which owns the tunnel, are open and read from now on.
  Tunnel(TunnelHost& host, const TunnelLimits& limits);

  // Bytes that came behind the heads, the first frames of the tunnel.
  void start(Bytes behind_answer, Bytes behind_request);
  // A frame of Drover's own, Pong, text or binary, to one side; see Relay::inject().
  enum class Side : std::uint8_t { kClient, kBackend };
  Relay::Injected inject(Side towards, websocket::Opcode opcode, Bytes payload);
  // Closes both sides in order: at the next frame boundary each, lingering. The client gets `code`, the backend, which
  // has done nothing, 1001.
  void shut_down(websocket::CloseCode code, const char* reason, observe::Why why);
  void on_deadline();
  // The backend is taken for lost, whatever its connection says.
  void lose_backend();

  // --- For handoffs (tunnel_move.cc).
  // Another backend may take the place of its own from now on; before start().
  void make_movable(std::unique_ptr<Movable> movable);
  Movable* movable() const { return movable_.get(); }  // null: none may
  // Neither Close nor loss has begun to end it.
  bool is_whole() const { return !closing_ && !owes_farewell(); }
  bool client_is_between_messages() const { return client_.from.at_message_boundary(); }
  bool backend_is_between_messages() const { return backend_.from.at_message_boundary(); }
  // At its next message boundary the client is not read any more, and the handoff hears of it; true: that is now.
  bool hold_client();
  bool client_is_held() const;
  // It is read again; what it has said meanwhile goes first.
  void release_client();
  // A message of Drover's own to the backend, whose client is held.
  void tell_backend(std::string_view text);
  // A Ping of Drover's own to the backend, with another payload than those of its pulse. False: not now.
  bool ask_backend(Bytes payload);
  // TunnelHost::backend() is another stream now, which stands between two messages. `early`: what it has said already.
  void go_on_with_backend(Bytes early);
  // Nothing goes to the backend behind this Close. Nothing where it has had one, and no Close into a frame of the
  // client.
  void close_backend(websocket::CloseCode code);
  // It is not read, or was not for a moment since this was asked last, since its client takes too little.
  bool backend_has_waited();
  // What the client's TCP has taken so far, in bytes; and how long a client that takes nothing is borne with: as long
  // as its pings would have it, which are not sent while it is held; 0: for ever.
  std::uint64_t taken_by_client() { return host_.client().link().acknowledged; }
  Milliseconds patience_with_client() const {
    if (limits_.ping_client.count() == 0) return Milliseconds(0);
    return limits_.ping_client + limits_.ping_timeout;
  }
  // Its stream has been read to its end, whatever that was.
  bool backend_has_ended() const { return backend_.life != Life::kAlive; }
  // There is no backend any more: the client is told so.
  void end_without_backend(websocket::CloseCode code);
  MonotonicTime now() const { return host_.now(); }
  std::chrono::microseconds precise_now() const { return host_.precise_now(); }

  // The backend is lost, and the client's turn to be told so has not come.
  bool owes_farewell() const { return farewell_at_ != MonotonicTime{}; }

  const Relay& to_backend() const { return client_.from; }
  const Relay& to_client() const { return backend_.from; }
  // Of the Close that ended it, where `initiator` did: its own, or else the one that Drover told the offender; 0: none.
  std::uint16_t close_code(observe::Initiator initiator) const;
  // The rule that a side has broken, and which: "reserved opcode, from the client"; empty: none has.
  std::string offence() const;
  // The last that a ping of Drover's own has measured.
  std::optional<std::chrono::microseconds> client_rtt() const { return client_.pulse.rtt(); }
  std::optional<std::chrono::microseconds> backend_rtt() const { return backend_.pulse.rtt(); }

 private:
  enum class Life : std::uint8_t { kAlive, kEof, kDead };
  struct Peer {
    Relay from;  // what it sends
    Pulse pulse;
    MonotonicTime stuck_since{};  // while bytes wait for it: since when it has taken none; only with stalled_write
    std::uint32_t taken = 0;      // what its TCP had acknowledged then, the low bits
    Life life = Life::kAlive;
  };
  // One side of the tunnel with all that a callback of its stream needs.
  struct End {
    net::ByteStream& stream;  // this side
    net::ByteStream& other;
    Peer& self;
    Peer& peer;
    observe::Initiator initiator;

    Relay& from() const { return self.from; }
    Relay& towards() const { return peer.from; }  // what this side is sent
  };
  End client_end() { return {host_.client(), host_.backend(), client_, backend_, observe::Initiator::kClient}; }
  End backend_end() { return {host_.backend(), host_.client(), backend_, client_, observe::Initiator::kBackend}; }
  End end_of(const net::ByteStream& stream) { return &stream == &host_.client() ? client_end() : backend_end(); }
  End opposite(const End& end) { return end_of(end.other); }
  PingLimits ping_limits(const End& end) const;

  void on_connected(net::ByteStream&, Result<void>) noexcept override {}
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream& stream) noexcept override;
  void on_closed(net::ByteStream& stream) noexcept override;
  bool takes_pong(const Relay& relay, Bytes payload) override;
  void on_ping_passed(const Relay& relay, const websocket::ControlFrame& ping) override;
  void on_ping_injected(const Relay& relay) override;
  bool ends_with_close(const Relay& relay) override;
  bool takes_close(const Relay& relay, std::uint16_t code) override;

  void relay(const End& end, Bytes bytes);
  void relay_movable(const End& end, Bytes bytes);
  void relay_up_to_boundary(const End& client, Bytes bytes);
  void relay_from_backend(const End& backend, Bytes bytes);
  void relay_screened(const End& backend, Bytes bytes);
  void refuse_broken_message(const End& backend);
  void hear_message(const BackendScreen& screen, bool more);
  void hear_backend_close();
  void abandon_handoff();
  void hold_now(Bytes rest);
  bool moves_on_without(const End& gone);
  bool has_no_backend() const;
  void forget_client_ping(Bytes pong);
  void lose(const End& gone);
  void say_farewell(const End& gone) { say_farewell(gone, code_for_innocent(gone.initiator)); }
  void say_farewell(const End& gone, websocket::CloseCode code);
  void hold_back(const End& end);
  void give_up_on(const End& deaf);
  void resume(const End& end);
  // What an innocent side is told when the other one is gone or has broken a rule (RULES 'Frames').
  static websocket::CloseCode code_for_innocent(observe::Initiator offender);
  void expel(const End& offender, websocket::CloseCode code, const char* reason);
  void close_towards(const End& end, websocket::CloseCode code, const char* reason);
  void note_own_end(observe::Initiator initiator, observe::Why why, websocket::CloseCode code);
  void stop_sending_to(const End& end);
  void begin_closing();
  bool closes_exchanged() const;
  void finish_if_done();
  void finish();

  // tunnel_watch.cc: what time brings.
  observe::Passed& passed_by(const Relay& relay);
  void keep_alive();
  void watch(const End& end, MonotonicTime now);
  bool is_stuck(const End& end, MonotonicTime now) const;
  void watch_pulse(const End& end, MonotonicTime now);
  void ping(const End& end, MonotonicTime now);
  void arm_next();

  TunnelHost& host_;
  TunnelLimits limits_;
  MonotonicTime active_at_;  // last byte that was passed on either way
  Peer client_;
  Peer backend_;
  std::unique_ptr<Movable> movable_;
  MonotonicTime farewell_at_{};  // the backend is lost, and the client is told so then; 0: no such thing
  std::uint16_t own_close_ = 0;  // code of the Close of Drover's own that ended it; 0: none did
  bool closing_ = false;         // timeouts.close is running
  bool kept_alive_ = false;      // it has lasted long enough for TCP's own question
};

}  // namespace drover::proxy
