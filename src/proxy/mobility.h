// What a session has whose backend may change: the head that another one is dialled with, the connection that is being
// opened or left beside the one that serves, and where the session has been. Decides whether it may move; the move
// itself is a Handoff. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "net/timer_wheel.h"
#include "net/transport.h"
#include "observe/access_log.h"
#include "proxy/handoff.h"
#include "proxy/handoff_host.h"
#include "proxy/parting.h"
#include "proxy/redial.h"
#include "proxy/retained.h"

namespace drover::proxy {

class Session;
class Tunnel;

class Mobility final : public HandoffHost, Redial::Owner, net::TimerWheel::Node {
 public:
  Mobility(Session& session, Tunnel& tunnel, Retained retained);
  ~Mobility();  // with nothing in_use()

  // Whether its pool lets it move to another backend, as it is now.
  bool may_move() const;
  // A drain moves it, for `cause`: true where that has begun; Session::on_handed_off() is called at its end, which may
  // come before this returns. False: it cannot, now. `allows`: whom it may come to, as long as it can still stay; null:
  // anybody.
  bool begin(observe::MoveCause cause, Redial::Allows allows = nullptr);
  // A handoff goes on.
  bool is_moving() const { return handoff() != nullptr; }
  // Something goes on that has to end before the next begin().
  bool is_busy() const;
  // Nothing where there is no way back.
  void call_off();

  // The session ends: its connections beside the one that serves are closed.
  void close();
  bool in_use() const;
  // max_state of its pool, in bytes.
  std::uint64_t most_state() const;
  // When it last came to its backend from another one, or should have; none: it never did.
  std::optional<MonotonicTime> moved_at() const { return moved_at_; }
  void note_move();
  // Of the policy consistent_hash, whose its key is now; null: nobody's.
  std::shared_ptr<balancer::Backend> owner() const;
  unsigned moved() const { return moved_; }  // times
  // Where it was before, the first first; not all of a hundred and more.
  const std::vector<observe::Move>& moves() const { return moves_; }

  bool may_follow_close() override;
  bool begin_handoff(HandoffStart start, websocket::CloseCode code) override;

 private:
  bool dial_next() override;
  void drop_next() override;
  net::ByteStream& next() override { return redial_->stream(); }
  std::string_view next_key() override { return redial_->key(); }
  std::vector<std::uint8_t> adopt_next(bool old_ended) override;
  std::string_view backend_name() const override;
  void arm_handoff(MonotonicTime deadline) override;
  void on_handed_off(std::optional<observe::MoveResult> result, std::chrono::microseconds held_for) override;

  void on_redialled() override;
  void on_redial_refused() override;
  void on_redial_unreachable() override;
  void on_redial_closed() override;
  void on_deadline() noexcept override;
  void on_parted();
  void try_again();
  void part_from(net::Transport& transport, bool ended);

  // Of the session's pool as it is now; null: there is none of that name any more.
  const config::Pool* settings() const;
  bool by_contract() const;
  bool may_begin(HandoffStart start) const;
  void start(const Handoff::Beginning& beginning, observe::MoveCause cause, Redial::Allows allows = nullptr);
  net::Transport& idle_transport();
  bool idle_in_use() const;
  Handoff* handoff() const;

  Session& session_;
  Tunnel& tunnel_;
  const Retained retained_;
  std::unique_ptr<net::Transport> spare_;  // made with the first move: then one of two serves
  std::unique_ptr<Redial> redial_;         // of the move that goes on; until the last one's connection is left
  std::unique_ptr<Parting> parting_;       // null: no connection is being left
  std::vector<observe::Move> moves_;
  unsigned moved_ = 0;
  std::optional<MonotonicTime> moved_at_;
  observe::MoveCause cause_{};  // of the move that goes on
  bool adopted_ = false;        // it has come to another backend
  // Moves of a kind within a cooldown.
  struct Often {
    MonotonicTime since{};
    unsigned count = 0;
    bool too_often(MonotonicTime now, Milliseconds cooldown) const;
    void add(MonotonicTime now, Milliseconds cooldown);
  };
  Often followed_;  // those that a backend's Close began
  Often left_;      // those that it asked for
  MonotonicTime not_rescued_before_{};
  bool backend_leaves_ = false;  // it has asked for a move, and that has not come to its end
  Milliseconds pause_{0};        // before the next try of that
};

}  // namespace drover::proxy
