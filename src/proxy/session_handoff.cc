// A session whose backend may change.
#include "base/log.h"
#include "migration/handoff_messages.h"
#include "proxy/drain_run.h"
#include "proxy/handshake.h"
#include "proxy/mobility.h"
#include "proxy/session.h"
#include "proxy/worker.h"

namespace drover::proxy {

void Session::begin_tunnel(const TunnelLimits& limits, TunnelBeginning beginning) {
  if (!advance(Event::kUpgraded)) return;
  worker_.loop().wheel().disarm(deadline_);
  if (observe::logs_open_lines()) observe::log_open(access_line());
  tunnel_.emplace(*this, limits);
  if (beginning.retained || !beginning.handoff_key.empty()) make_movable(beginning);
  if (beginning.resumed) note_move();
  tunnel_->start(beginning.behind_answer, beginning.behind_request);
  handshake_.reset();  // last: behind_request is its own
}

void Session::make_movable(TunnelBeginning& beginning) {
  mobility_ = std::make_unique<Mobility>(*this, *tunnel_, std::move(beginning.retained).value_or(Retained()));
  auto movable = std::make_unique<Movable>(*mobility_);
  movable->deflate = beginning.deflate;
  if (!beginning.handoff_key.empty()) {
    movable->key = beginning.handoff_key;
    movable->screen = std::make_unique<BackendScreen>(movable->key, mobility_->most_state());
  }
  tunnel_->make_movable(std::move(movable));
  if (!beginning.enters) return;
  tunnel_->tell_backend(migration::enter_text(
      {.key = beginning.handoff_key, .why = migration::EnterWhy::kToken, .state = {}, .from = {}}));
}

void Session::lose_backend() {
  if (tunnels()) tunnel_->lose_backend();
}

void Session::serve_by(net::Transport& transport, balancer::Lease lease) {
  serving_ = &transport;
  set_lease(std::move(lease));
}

void Session::on_handed_off(const HandedOff& handed_off) {
  if (handed_off.result) {
    count_move(
        handed_off.cause == observe::MoveCause::kRescued ? observe::MoveMode::kRescue : observe::MoveMode::kHandoff,
        *handed_off.result);
    log::debug("handed_off", {{"session", id_text()},
                              {"backend", backend_name()},
                              {"why", observe::name_of(handed_off.cause)},
                              {"result", observe::name_of(*handed_off.result)},
                              {"held_us", handed_off.held_for.count()}});
  }
  if (handed_off.moved) pool_->pause_time.add(static_cast<std::uint64_t>(handed_off.held_for.count()));
  if (notice_) notice_->run.note_handoff(*this, handed_off);
}

}  // namespace drover::proxy
