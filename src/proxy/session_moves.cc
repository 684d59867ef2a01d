// A session as drains see it.
#include "base/bytes.h"
#include "migration/messages.h"
#include "migration/resume_token.h"
#include "proxy/drain_run.h"
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

std::string Session::migrate_text(std::string_view endpoint, std::string_view reason, Milliseconds reconnect_delay,
                                  Milliseconds deadline) const {
  // By no preferred backend: where this one's sessions go is the policy's business.
  migration::ResumeToken token{.resume_id = resume_id_, .pool = std::string(pool_name()), .backend = {}, .expires = {}};
  migration::MigrateConnection message{.reason = reason,
                                       .new_endpoint = endpoint,
                                       .session_token = {},
                                       .reconnect_delay = reconnect_delay,
                                       .deadline = deadline};
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
