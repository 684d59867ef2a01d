// One client connection from its accept to its end. Owns both streams and what is known of the session; what happens on
// them is the handshake's business first (proxy/handshake.h) and the tunnel's then (proxy/tunnel.h). Lives in its
// worker's slab, which gets it back after the close callbacks of both streams.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "balancer/holder.h"
#include "balancer/lease.h"
#include "base/intrusive_list.h"
#include "base/packed_text.h"
#include "migration/drain_view.h"
#include "net/timer_wheel.h"
#include "net/transport.h"
#include "observe/access_log.h"
#include "observe/counters.h"
#include "observe/pool_counters.h"
#include "proxy/admission.h"
#include "proxy/handoff_host.h"
#include "proxy/listener.h"
#include "proxy/retained.h"
#include "proxy/session_state.h"
#include "proxy/session_view.h"
#include "proxy/tunnel.h"

namespace drover::proxy {

class Handshake;
class Mobility;
class Worker;
struct Notice;
struct OptIn;

class Session final : public ListNode, public TunnelHost {
 public:
  // `number`: of the worker's sessions, see session_id.h.
  Session(Worker& worker, std::uint64_t number, const net::Address& peer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes the accepted socket. Refused connections get a 503 and linger. `listener`: the one that accepted it.
  void start(int fd, Admission::Verdict verdict, const std::shared_ptr<const Listener>& listener);
  // An operator wants it gone: a tunnel closes with 1001 on both sides, anything else ends at once.
  void close_for_operator();
  // Ends it at once. Safe in any state and any callback.
  void finish() override;
  // As finish(), but the client can tell that it was in order (close_notify).
  void finish_in_order();

  // For drains (proxy/drain_run.h).
  static Session& of(balancer::Holder& holder) { return static_cast<Holding&>(holder).session; }
  balancer::Holder& holding() { return holding_; }
  // Into the list of its backend's sessions; out of all lists where it has no backend.
  void join_backend();
  bool is_on(const balancer::Backend& backend) const { return lease_ && &lease_.backend() == &backend; }
  // It is in its tunnel, and nothing has ended that yet, or its client waits to be told so.
  bool tunnels() const { return state_ == State::kTunnelling && (!ended_by_ || tunnel_->owes_farewell()); }
  // A connection that has not said a word is closed: true.
  bool leave_if_silent();
  Notice* notice() { return notice_.get(); }  // null: it has none
  void set_notice(std::unique_ptr<Notice> notice);
  // A text frame of Drover's own, at the next end of a message. False: none can come any more.
  bool send_text(std::string_view text);
  // Its backend is taken for lost, though its connection may not know yet.
  void lose_backend();
  // Null: its backend stays what it is.
  Mobility* mobility() const { return mobility_.get(); }
  void on_handed_off(const HandedOff& handed_off);
  // Client and backend get their Closes, 1012 and 1001; at shutdown 1001 both.
  void close_for_drain();
  void close_for_shutdown();
  void count_move(observe::MoveMode mode, observe::MoveResult result);
  // Its client may be asked to reconnect.
  void keep(std::unique_ptr<OptIn> opt_in);
  // Null: it must not be asked.
  const OptIn* opt_in() const { return opt_in_.get(); }
  // When it was last moved, or came as one that was; none: it never was. Known of those alone that could be moved.
  std::optional<MonotonicTime> moved_at() const;
  // It is moved now.
  void note_move();
  // What a client is told that is asked to reconnect.
  struct Asking {
    std::string_view endpoint;  // a URL; empty: the client's own
    std::string_view reason;
    std::string_view backend;      // where it is to come to; empty: wherever the policy sends it
    Milliseconds reconnect_delay;  // from now
    Milliseconds deadline;         // likewise: then it is closed
  };
  // The text of the frame, with a fresh token. Empty: there can be none now. Only where there is an opt_in().
  std::string migrate_text(const Asking& asking) const;

  // For the handshake and the tunnel.
  Worker& worker() { return worker_; }
  const Worker& worker() const { return worker_; }
  std::string id_text() const;
  net::ByteStream& client() override { return client_.stream(); }
  net::ByteStream& backend() override { return serving_->stream(); }
  // For who opens them, and asks about their TLS.
  net::Transport& backend_transport() { return backend_; }
  // That of its tunnel, which may be another one by then.
  net::Transport& serving_transport() { return *serving_; }
  void serve_by(net::Transport& transport, balancer::Lease lease);
  const net::Transport& client_transport() const { return client_; }
  observe::Counters& counters();
  Books books() override;
  void note_backend_round_trip(std::chrono::microseconds round_trip) override;
  // See TunnelHost, and for handoffs: one row for all sessions of the pool that lose their backend.
  MonotonicTime farewell_slot(double pace) override;
  MonotonicTime now() const override;
  const net::Address& peer() const { return peer_; }
  std::uint64_t number() const { return number_; }
  std::string_view pool_name() const { return texts_[kPool]; }  // empty: not routed yet
  // Empty: none yet.
  std::string_view backend_name() const { return lease_ ? std::string_view(lease_.backend().name()) : ""; }
  SessionView view() const;
  State state() const { return state_; }
  // Goes to the next state; on an illegal event logs both names, ends the session and returns false.
  bool advance(Event event);
  // One deadline a session, for whatever it waits for now; it replaces the one before.
  void arm(MonotonicTime deadline) override;
  // What ended it: the first call counts. Whether this one was it.
  bool note_end(observe::Initiator initiator, observe::Why why) override;
  // The client is given its answer; counted.
  void note_status(unsigned status, observe::Source source);
  void note_attempt() { ++attempts_; }
  // Whom it is counted for from now on; outlives the session.
  void set_pool(observe::PoolCounters& counters) { pool_ = &counters; }
  void set_lease(balancer::Lease lease);
  std::string resume_id() const;  // in hex
  // It goes on as the session that has had this one before.
  void resume(const std::array<std::uint8_t, 16>& resume_id) { resume_id_ = resume_id; }

  // What the access line remembers of the request. Copied; each is cut where it is longer than a log line should be.
  struct Texts {
    std::string_view path, route, pool, request_id, subprotocol, detail;
  };
  void set_texts(const Texts& texts);

  // What a tunnel begins with, beside its limits.
  struct TunnelBeginning {
    Bytes behind_answer, behind_request;
    std::string handoff_key{};           // the backend takes part in the contract of handoffs; empty: it does not
    std::optional<Retained> retained{};  // it may be handed off
    bool deflate = false;                // permessage-deflate is agreed on
    bool enters = false;                 // the backend waits to be told that the session comes from another one
    bool resumed = false;                // the client came with a token
  };
  // The 101 has been written to the client. Ends the handshake, which is gone when this returns.
  void begin_tunnel(const TunnelLimits& limits, TunnelBeginning beginning);
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

  class Holding final : public balancer::Holder {
   public:
    explicit Holding(Session& owner) : session(owner) {}
    Session& session;
  };

  std::chrono::microseconds precise_now() const override;
  void make_movable(TunnelBeginning& beginning);
  void on_deadline();
  void count_end();
  // What is known from the 101 on.
  observe::SessionLine access_line() const;
  void write_access_line();
  std::string broken_tls() const;

  Worker& worker_;
  net::Transport client_;
  net::Transport backend_;
  net::Transport* serving_ = &backend_;  // or one that came with a handoff
  Deadline deadline_{*this};
  std::unique_ptr<Handshake> handshake_;
  std::optional<Tunnel> tunnel_;
  std::unique_ptr<Mobility> mobility_;  // null: its backend stays what it is
  balancer::Lease lease_;
  Holding holding_{*this};
  std::unique_ptr<Notice> notice_;
  std::unique_ptr<OptIn> opt_in_;  // null: the client is never asked to reconnect
  PackedText texts_;
  net::Address peer_;
  observe::PoolCounters* pool_;
  const std::uint64_t number_;
  std::array<std::uint8_t, 16> resume_id_{};
  MonotonicTime started_;
  std::uint16_t status_ = 0;
  std::uint8_t attempts_ = 0;
  State state_ = State::kReadingRequest;
  std::optional<observe::Initiator> ended_by_;  // none: nothing has ended it yet
  observe::Why why_ = observe::Why::kNormal;
};

}  // namespace drover::proxy
