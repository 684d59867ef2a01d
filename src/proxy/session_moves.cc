// A session as drains see it.
#include <algorithm>

#include "base/bytes.h"
#include "migration/messages.h"
#include "migration/resume_token.h"
#include "proxy/drain_run.h"
#include "proxy/mobility.h"
#include "proxy/opt_in.h"
#include "proxy/session.h"
#include "proxy/worker.h"

namespace drover::proxy {

using observe::Why;
using websocket::CloseCode;

void Session::set_lease(balancer::Lease lease) {
  holding_.unlink();  // before the backend, whose list it is in, may go
  lease_ = std::move(lease);
  join_backend();
}

void Session::join_backend() {
  holding_.unlink();
  if (lease_) lease_.backend().holders(worker_.index()).push_back(holding_);
}

void Session::set_notice(std::unique_ptr<Notice> notice) {
  notice_ = std::move(notice);
}

void Session::keep(std::unique_ptr<OptIn> opt_in) {
  opt_in_ = std::move(opt_in);
}

std::optional<MonotonicTime> Session::moved_at() const {
  const auto by_handoff = mobility_ ? mobility_->moved_at() : std::nullopt;
  return std::max(by_handoff, opt_in_ ? opt_in_->moved_at : std::nullopt);  // none is the least
}

void Session::note_move() {
  if (mobility_) mobility_->note_move();
  if (opt_in_) opt_in_->moved_at = now();
}

std::string Session::migrate_text(const Asking& asking) const {
  migration::ResumeToken token{
      .resume_id = resume_id_, .pool = std::string(pool_name()), .backend = std::string(asking.backend), .expires = {}};
  migration::MigrateConnection message{.reason = asking.reason,
                                       .new_endpoint = asking.endpoint,
                                       .session_token = {},
                                       .reconnect_delay = asking.reconnect_delay,
                                       .deadline = asking.deadline};
  // Under the secrets of now: those of the handshake may not be accepted any more.
  const auto& keys = *worker_.snapshot()->shared().token_keys;
  return proxy::migrate_text(*opt_in_, keys, std::move(token), message, migration::WallClock::now());
}

bool Session::send_text(std::string_view text) {
  return tunnel_->inject(Tunnel::Side::kClient, websocket::Opcode::kText, as_bytes(text)) != Relay::Injected::kDropped;
}

void Session::close_for_drain() {
  tunnel_->shut_down(CloseCode::kServiceRestart, "the backend is taken out of service; please reconnect", Why::kDrain);
}

void Session::close_for_shutdown() {
  tunnel_->shut_down(CloseCode::kGoingAway, "shutdown", Why::kShutdown);
}

void Session::count_move(observe::MoveMode mode, observe::MoveResult result) {
  pool_->migrations[static_cast<std::size_t>(mode)][static_cast<std::size_t>(result)].add(1);
}

MonotonicTime Session::farewell_slot(double pace) {
  return lease_.backend().farewells().take(now(), pace);
}

}  // namespace drover::proxy
