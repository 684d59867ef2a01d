// One client connection from its accept to its end. Owns both streams and what is known of the session; what happens on
// them is the handshake's business first (proxy/handshake.h) and the tunnel's then (proxy/tunnel.h). Lives in its
// worker's slab, which gets it back after the close callbacks of both streams.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "balancer/lease.h"
#include "base/intrusive_list.h"
#include "base/packed_text.h"
#include "net/tcp_stream.h"
#include "net/timer_wheel.h"
#include "observe/access_log.h"
#include "observe/counters.h"
#include "proxy/admission.h"
#include "proxy/session_state.h"
#include "proxy/tunnel.h"

namespace drover::proxy {

class Handshake;
class Worker;

class Session final : public ListNode, public TunnelHost {
 public:
  Session(Worker& worker, const net::Address& peer, std::uint16_t listener_port);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes the accepted socket. Refused connections get a 503 and linger.
  void start(int fd, Admission::Verdict verdict);
  // Asks it to go in order: a tunnel closes with 1001 on both sides, a connection that has not said a word is closed.
  // False: it is in its handshake or answer, which goes on; ask again later.
  bool shut_down();
  // Ends it at once. Safe in any state and any callback.
  void finish() override;

  // For the handshake and the tunnel.
  Worker& worker() { return worker_; }
  net::TcpStream& client() override { return client_; }
  net::TcpStream& backend() override { return backend_; }
  observe::Counters& counters() override;
  balancer::Traffic& traffic() override;
  void note_backend_round_trip(std::chrono::microseconds round_trip) override;
  MonotonicTime now() const override;
  const net::Address& peer() const { return peer_; }
  std::uint16_t listener_port() const { return listener_port_; }
  State state() const { return state_; }
  // Goes to the next state; on an illegal event logs both names, ends the session and returns false.
  bool advance(Event event);
  // One deadline a session, for whatever it waits for now; it replaces the one before.
  void arm(MonotonicTime deadline) override;
  // What ended it: the first call counts.
  void note_end(observe::Initiator initiator, observe::Why why) override;
  void note_status(unsigned status) { status_ = static_cast<std::uint16_t>(status); }
  void note_attempt() { ++attempts_; }
  void set_lease(balancer::Lease lease) { lease_ = std::move(lease); }
  std::string resume_id() const;

  // What the access line remembers of the request. Copied; each is cut where it is longer than a log line should be.
  struct Texts {
    std::string_view path, route, pool, request_id, subprotocol, detail;
  };
  void set_texts(const Texts& texts);

  // The 101 has been written to the client. Ends the handshake, which is gone when this returns.
  void begin_tunnel(const TunnelLimits& limits, Bytes behind_answer, Bytes behind_request);
  // From the streams' on_closed: returns the slot once both are closed and the session has ended.
  void on_stream_closed() override;

 private:
  enum Text : std::uint8_t { kPath, kRoute, kPool, kRequestId, kSubprotocol, kDetail };

  class Deadline final : public net::TimerWheel::Node {
   public:
    explicit Deadline(Session& session) : session_(session) {}

   private:
    void on_deadline() noexcept override { session_.on_deadline(); }
    Session& session_;
  };

  std::chrono::microseconds precise_now() const override;
  void on_deadline();
  void write_access_line();

  Worker& worker_;
  net::TcpStream client_;
  net::TcpStream backend_;
  Deadline deadline_{*this};
  std::unique_ptr<Handshake> handshake_;
  std::optional<Tunnel> tunnel_;
  balancer::Lease lease_;
  PackedText texts_;
  net::Address peer_;
  std::array<std::uint8_t, 8> id_{};
  std::array<std::uint8_t, 16> resume_id_{};
  MonotonicTime started_;
  const std::uint16_t listener_port_;
  std::uint16_t status_ = 0;
  std::uint8_t attempts_ = 0;
  State state_ = State::kReadingRequest;
  std::optional<observe::Initiator> ended_by_;  // none: nothing has ended it yet
  observe::Why why_ = observe::Why::kNormal;
};

}  // namespace drover::proxy
