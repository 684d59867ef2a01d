// Looks for a backend that takes a live session over: dials candidates, one after the other as it is asked to, with the
// head that the first one was sent, and checks that the answer is the same in all that the client has been told. One
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balancer/lease.h"
#include "balancer/pool.h"
#include "http/head_parser.h"
#include "net/transport.h"
#include "proxy/retained.h"
#include "proxy/worker_snapshot.h"

namespace drover::proxy {

class Session;

class Redial final : public net::ByteStream::Handler {
 public:
  class Owner {
   public:
    // Never from within dial() and drop().
    virtual void on_redialled() = 0;
    virtual void on_redial_refused() = 0;      // it does not want the session, or not as it is
    virtual void on_redial_unreachable() = 0;  // no connection, or no answer that makes sense
    // The transport is not in use any more.
    virtual void on_redial_closed() = 0;

   protected:
    ~Owner() = default;
  };
  // All outlive it. `transport` may still be closing, with this as its handler.
  Redial(Session& session, Owner& owner, const Retained& retained, bool by_contract, net::Transport& transport);
  ~Redial();

  using Allows = std::function<bool(const balancer::Backend&)>;
  // From now on nobody else is a candidate. Null: everybody may be.
  void restrict_to(Allows allows) { allows_ = std::move(allows); }
  // The move is over: in the next one everybody is a candidate again. Keeps neither configuration nor backends alive.
  void forget() {
    tried_.clear();
    snapshot_.reset();
    allows_ = nullptr;
  }
  // The next candidate of the session's pool as it is now. False: there is none. Whoever was dialled before is let go.
  bool dial();
  // Of the session's pool, beside its backend, are there any?
  static bool has_candidate(const Session& session);
  // Of the session's pool as it is now, whose the session is by the key that its policy goes by; null: nobody's.
  static std::shared_ptr<balancer::Backend> owner(const Session& session, std::optional<std::uint64_t> hash_key);
  void drop();
  bool is_open() const { return stage_ == Stage::kOpen; }

  // After on_redialled(), until drop().
  net::ByteStream& stream() { return transport_.stream(); }
  net::Transport& transport() { return transport_; }
  const std::string& key() const { return handoff_key_; }
  struct Taken {
    balancer::Lease lease;
    std::vector<std::uint8_t> early;  // that came behind the 101
  };
  // The transport, whose handler was another one, is closed.
  void go_on();
  // Another handler has the stream from now on.
  Taken hand_over();

 private:
  enum class Stage : std::uint8_t { kIdle, kConnecting, kAwaitingAnswer, kOpen, kClosing };

  void on_connected(net::ByteStream& stream, Result<void> result) noexcept override;
  void on_read(net::ByteStream& stream, Bytes bytes) noexcept override;
  void on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept override;
  void on_written(net::ByteStream&) noexcept override {}
  void on_closed(net::ByteStream& stream) noexcept override;

  bool may_try(const balancer::Backend& backend, balancer::Standard standard) const;
  bool start_next();
  bool start(const balancer::Pool& pool, const std::shared_ptr<balancer::Backend>& backend);
  void on_answer(Bytes behind);
  void keep_early(Bytes bytes);
  std::optional<std::string> difference(const http::ResponseHead& head) const;
  void note_unreachable(const Error& error) const;
  void unreachable(const Error& error);
  void refused(const std::string& reason);
  void note(std::string_view event, const std::string& reason) const;

  Session& session_;
  Owner& owner_;
  const Retained& retained_;
  const bool by_contract_;
  net::Transport& transport_;
  std::shared_ptr<const WorkerSnapshot> snapshot_;  // that of the last dial
  std::vector<std::shared_ptr<balancer::Backend>> tried_;
  Allows allows_;
  balancer::Lease lease_;
  Stage stage_ = Stage::kIdle;
  // What follows once the transport is closed.
  enum class OnceClosed : std::uint8_t { kTell, kDial, kFail } once_closed_ = OnceClosed::kTell;
  unsigned failures_ = 0;  // of ejection, by the pool's settings
  std::string key_;        // Sec-WebSocket-Key
  std::string handoff_key_;
  std::optional<http::ResponseParser> parser_;
  std::chrono::steady_clock::time_point asked_at_;
  std::vector<std::uint8_t> early_;
};

}  // namespace drover::proxy
