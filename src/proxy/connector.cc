// A candidate that refuses, does not answer the dial or says 5xx passes the turn on; a broken answer does not, since
// the backend may have acted on the request.
#include "proxy/connector.h"

#include <algorithm>

#include "base/log.h"
#include "proxy/handshake.h"
#include "proxy/session.h"
#include "proxy/worker.h"

namespace drover::proxy {

namespace {

// A dial that failed, with the address that the stream does not keep.
Error at(const balancer::Backend& backend, const Error& error) {
  return {error.code, error.side, backend.address().text + ": " + error.detail};
}

}  // namespace

Connector::Connector(Session& session, Handshake& handshake, std::size_t pool)
    : session_(session),
      handshake_(handshake),
      pool_(pool),
      upgrade_deadline_(session.now() + handshake.pool().settings().timeouts.upgrade) {
  session.backend().set_handler(*this);
}

void Connector::start() {
  dial_next();
}

bool Connector::may_try(const balancer::Backend& backend) const {
  return !backend.full() && std::ranges::find(tried_, &backend) == tried_.end();
}

bool Connector::has_candidate() {
  if (tried_.size() >= handshake_.pool().settings().attempts) return false;
  return std::ranges::any_of(handshake_.pool().backends(), [this](const auto& backend) { return may_try(*backend); });
}

void Connector::dial_next() {
  const std::function<bool(const balancer::Backend&)> eligible = [this](const auto& backend) {
    return may_try(backend);
  };
  while (tried_.size() < handshake_.pool().settings().attempts) {
    auto backend = session_.worker().policy(pool_).pick({eligible});
    if (!backend) break;
    auto lease = balancer::Lease::take(backend);
    if (!lease) continue;  // another worker took the last place: it is full now, and not picked again
    tried_.push_back(backend.get());
    session_.set_lease(std::move(lease));
    session_.note_attempt();
    return dial(*backend);
  }
  if (last_error_)
    return give_up({Code::kUnavailable, last_error_->side, "every attempt failed: " + last_error_->detail});
  give_up({Code::kUnavailable, Side::kBackend,
           "pool '" + handshake_.pool().name() + "' has no backend with a free place (max_connections)"});
}

void Connector::dial(const balancer::Backend& backend) {
  auto address = net::Address::from_literal(backend.address().host, backend.address().port);
  Result<void> started = address ? session_.backend().connect(*address) : std::unexpected(address.error());
  if (!started) return attempt_failed(at(backend, started.error()));
  session_.arm(std::min(session_.now() + handshake_.pool().settings().timeouts.connect, upgrade_deadline_));
}

void Connector::on_connected(net::ByteStream& stream, Result<void> result) noexcept {
  if (!result) return attempt_failed(at(*tried_.back(), result.error()));
  if (!session_.advance(Event::kConnected)) return;
  session_.arm(upgrade_deadline_);
  // The first dial carries the client's own key; a key is never used twice.
  key_ = tried_.size() == 1 ? handshake_.asked().key : websocket::fresh_key();
  parser_.emplace(head_limits(session_.worker().snapshot()->config.limits));
  stream.write(as_bytes(handshake_.forwarded_head(key_)));
  stream.start_reading();
}

void Connector::attempt_failed(const Error& error) {
  session_.counters().dial_failures.add(1);
  log::debug("attempt_failed", {{"pool", handshake_.pool().name()},
                                {"backend", tried_.back()->name()},
                                {"side", name_of(error.side)},
                                {"reason", error.detail}});
  if (error.side == Side::kDrover) session_.worker().note_exhausted(error.detail);
  last_error_ = error;
  session_.set_lease({});
  if (session_.state() == State::kAwaitingAnswer && !session_.advance(Event::kAttemptFailed)) return;
  if (!session_.backend().in_use()) return dial_next();
  closing_for_next_ = true;  // the stream serves the next dial once its close callback has run
  session_.backend().close();
}

void Connector::on_closed(net::ByteStream&) noexcept {
  if (closing_for_next_ && session_.state() == State::kConnecting) {
    closing_for_next_ = false;
    return dial_next();
  }
  session_.on_stream_closed();
}

void Connector::give_up(const Error& error) {
  session_.backend().close();
  handshake_.answer(error);
}

void Connector::on_read(net::ByteStream&, Bytes bytes) noexcept {
  if (session_.state() == State::kRelayingAnswer) return on_refusal_bytes(bytes);
  if (session_.state() != State::kAwaitingAnswer) return;
  auto fed = parser_->feed(bytes);
  if (!fed) return give_up(fed.error());
  if (fed->complete) on_answer(bytes.subspan(fed->consumed));
}

void Connector::on_answer(Bytes behind) {
  const auto& head = parser_->head();
  if (head.status() == 101) return on_switching(behind);
  if (head.status() >= 500 && has_candidate()) {
    return attempt_failed(
        {Code::kConnectFailed, Side::kBackend, "answered " + std::to_string(head.status()) + " to the upgrade"});
  }
  if (!session_.advance(Event::kRefused)) return;
  handshake_.refused(head);
  if (parser_->body_is_empty()) return handshake_.refusal_ended(Handshake::BodyEnd::kWhole);
  if (!behind.empty()) on_refusal_bytes(behind);
}

void Connector::on_switching(Bytes behind) {
  auto answer = websocket::check_answer(parser_->head(), handshake_.asked(), key_);
  if (!answer) return give_up(answer.error());
  handshake_.upgraded(parser_->head(), *answer, behind);  // destroys this object
}

void Connector::on_refusal_bytes(Bytes bytes) {
  auto fed = parser_->feed_body(bytes);
  if (!fed) return handshake_.refusal_ended(Handshake::BodyEnd::kCut);
  handshake_.refusal_body(bytes.first(fed->consumed));
  if (fed->complete) return handshake_.refusal_ended(Handshake::BodyEnd::kWhole);
  session_.arm(session_.now() + handshake_.pool().settings().timeouts.upgrade);  // it bounds each silence of a body
  if (session_.client().queued() >= handshake_.pool().settings().slow_client.max_queued) {
    session_.backend().pause(net::PauseReason::kPeerSlow);
  }
}

void Connector::client_caught_up() {
  if (session_.client().queued() <= handshake_.pool().settings().slow_client.max_queued / 2) {
    session_.backend().resume(net::PauseReason::kPeerSlow);
  }
}

void Connector::on_read_end(net::ByteStream&, net::ReadEnd) noexcept {
  if (session_.state() == State::kRelayingAnswer) {
    return handshake_.refusal_ended(parser_->finish() ? Handshake::BodyEnd::kWhole : Handshake::BodyEnd::kCut);
  }
  if (session_.state() != State::kAwaitingAnswer) return;
  give_up({Code::kBadGateway, Side::kBackend, "the backend ended the connection before its answer was whole"});
}

void Connector::on_deadline() {
  if (session_.state() == State::kRelayingAnswer) return handshake_.refusal_ended(Handshake::BodyEnd::kCut);
  if (session_.now() >= upgrade_deadline_) {
    return give_up({Code::kGatewayTimeout, Side::kBackend, "no answer to the upgrade within timeouts.upgrade"});
  }
  if (closing_for_next_) return;  // that attempt has failed already
  attempt_failed({Code::kConnectTimeout, Side::kBackend, "no connection within timeouts.connect"});
}

}  // namespace drover::proxy
