// A candidate that refuses, does not answer the dial or says 5xx passes the turn on; a broken answer does not, since
// the backend may have acted on the request.
#include "proxy/connector.h"

#include <algorithm>

#include "balancer/pool.h"
#include "base/log.h"
#include "migration/handoff_messages.h"
#include "proxy/dial.h"
#include "proxy/handshake.h"
#include "proxy/hash_key.h"
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
      upgrade_deadline_(session.now() + handshake.pool().settings().timeouts.upgrade) {}

void Connector::start() {
  dial_next();
}

bool Connector::may_try(const balancer::Backend& backend, balancer::Standard standard) const {
  const auto is_it = [&](const auto& tried) { return tried.get() == &backend; };
  return balancer::eligible(backend, standard) && std::ranges::none_of(tried_, is_it);
}

bool Connector::has_candidate() const {
  const auto& pool = handshake_.pool();
  if (tried_.size() >= pool.settings().attempts) return false;
  const auto standard = pool.standard();
  return std::ranges::any_of(pool.backends(), [&](const auto& backend) { return may_try(*backend, standard); });
}

std::optional<std::uint64_t> Connector::hash_key() const {
  const auto& settings = handshake_.pool().settings();
  if (settings.policy != "consistent_hash") return std::nullopt;
  const auto key =
      hash_key_of(settings.consistent_hash.key, handshake_.request(), session_.peer(), handshake_.snapshot().shared());
  if (!key) return std::nullopt;
  return balancer::hash_of(*key);
}

// The first one may be the client's token's choice, unless the policy gives each key an owner and there is a key.
std::shared_ptr<balancer::Backend> Connector::pick(const balancer::PickContext& context) const {
  const auto& preferred = handshake_.preferred_backend();
  if (!preferred.empty() && tried_.empty() && !context.key) {
    const auto& backends = handshake_.pool().backends();
    const auto found = std::ranges::find(backends, preferred, [](const auto& each) { return each->name(); });
    if (found != backends.end() && context.eligible(**found)) return *found;
  }
  return handshake_.snapshot().policy(pool_).pick(context);
}

void Connector::dial_next() {
  const auto standard = handshake_.pool().standard();
  const std::function<bool(const balancer::Backend&)> eligible = [this, standard](const auto& backend) {
    return may_try(backend, standard);
  };
  const balancer::PickContext context{.eligible = eligible, .now = session_.now(), .key = hash_key()};
  while (tried_.size() < handshake_.pool().settings().attempts) {
    auto backend = pick(context);
    if (!backend) break;
    auto lease = balancer::Lease::take(backend);
    if (!lease) continue;            // another worker took the last place: it is full now, and not picked again
    if (!backend->open()) continue;  // a drain that began since the pick may have looked before this session counted
    tried_.push_back(backend);
    session_.set_lease(std::move(lease));
    session_.note_attempt();
    return dial(*backend);
  }
  if (last_error_)
    return give_up({Code::kUnavailable, last_error_->side, "every attempt failed: " + last_error_->detail});
  give_up({Code::kUnavailable, Side::kBackend,
           "pool '" + handshake_.pool().name() + "' has no eligible backend: all are down, ejected, drained or full"});
}

void Connector::dial(const balancer::Backend& backend) {
  auto started = proxy::dial(session_.backend_transport(), *this, backend, handshake_.pool(), handshake_.snapshot());
  if (!started) return attempt_failed(at(backend, started.error()));
  session_.arm(std::min(session_.now() + handshake_.pool().settings().timeouts.connect, upgrade_deadline_));
}

void Connector::on_connected(net::ByteStream& stream, Result<void> result) noexcept {
  if (!result) return attempt_failed(at(*tried_.back(), result.error()));
  if (!session_.advance(Event::kConnected)) return;
  session_.arm(upgrade_deadline_);
  // The first dial carries the client's own key; a key is never used twice.
  key_ = tried_.size() == 1 ? handshake_.asked().key : websocket::fresh_key();
  parser_.emplace(head_limits(handshake_.snapshot().shared().config.limits));
  const bool offers = handshake_.pool().settings().migration.handoff == config::Handoff::kOptIn;
  if (offers) handoff_key_ = fresh_handoff_key();
  const std::string offer = offers ? migration::handoff_offer(handoff_key_) : std::string();
  stream.write(as_bytes(handshake_.forwarded_head({.websocket_key = key_, .handoff = offer})));
  asked_at_ = std::chrono::steady_clock::now();
  stream.start_reading();
}

void Connector::attempt_failed(const Error& error) {
  log::debug("attempt_failed", {{"pool", handshake_.pool().name()},
                                {"backend", tried_.back()->name()},
                                {"side", name_of(error.side)},
                                {"reason", error.detail}});
  if (error.side == Side::kDrover) session_.worker().note_exhausted(error.detail);
  if (error.side == Side::kBackend) blame_candidate();
  last_error_ = error;
  session_.set_lease({});
  if (session_.state() == State::kAwaitingAnswer && !session_.advance(Event::kAttemptFailed)) return;
  if (!session_.backend_transport().in_use()) return dial_next();
  closing_for_next_ = true;  // the stream serves the next dial once its close callback has run
  session_.backend().close_in_order();
}

void Connector::blame_candidate() {
  blame(tried_.back(), handshake_.pool().settings().ejection.failures, session_.worker());
}

void Connector::on_closed(net::ByteStream&) noexcept {
  if (closing_for_next_ && session_.state() == State::kConnecting) {
    closing_for_next_ = false;
    return dial_next();
  }
  session_.on_stream_closed();
}

void Connector::give_up(const Error& error) {
  session_.backend().close_in_order();
  handshake_.answer(error);
}

// The candidate's answer, or that there is none, ends it all.
void Connector::give_up_on_candidate(const Error& error) {
  blame_candidate();
  give_up(error);
}

void Connector::on_read(net::ByteStream&, Bytes bytes) noexcept {
  if (session_.state() == State::kRelayingAnswer) return on_refusal_bytes(bytes);
  if (session_.state() != State::kAwaitingAnswer) return;
  auto fed = parser_->feed(bytes);
  if (!fed) return give_up_on_candidate(fed.error());
  if (fed->complete) on_answer(bytes.subspan(fed->consumed));
}

void Connector::on_answer(Bytes behind) {
  const auto& head = parser_->head();
  note_answer(candidate(), head, std::chrono::steady_clock::now() - asked_at_, session_.now());
  if (head.status() == 101) return on_switching(behind);
  if (head.status() >= 500) {
    if (has_candidate()) {
      return attempt_failed(
          {Code::kConnectFailed, Side::kBackend, "answered " + std::to_string(head.status()) + " to the upgrade"});
    }
    blame_candidate();
  } else {
    candidate().note_success();  // a 4xx is the client's
    candidate().note_refusal();
  }
  if (!session_.advance(Event::kRefused)) return;
  handshake_.refused(head);
  if (parser_->body_is_empty()) return handshake_.refusal_ended(Handshake::BodyEnd::kWhole);
  if (!behind.empty()) on_refusal_bytes(behind);
}

void Connector::on_switching(Bytes behind) {
  auto answer = websocket::check_answer(parser_->head(), handshake_.asked(), key_);
  if (!answer) return give_up_on_candidate(answer.error());
  candidate().note_success();
  candidate().note_session();
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

void Connector::on_read_end(net::ByteStream&, net::ReadEnd end) noexcept {
  if (session_.state() == State::kRelayingAnswer) {
    // Where the end of the connection is that of the body, a reset or a FIN without close_notify may have cut it.
    const bool whole = end == net::ReadEnd::kEof && parser_->finish();
    return handshake_.refusal_ended(whole ? Handshake::BodyEnd::kWhole : Handshake::BodyEnd::kCut);
  }
  if (session_.state() != State::kAwaitingAnswer) return;
  give_up_on_candidate(
      {Code::kBadGateway, Side::kBackend, "the backend ended the connection before its answer was whole"});
}

void Connector::on_deadline() {
  if (session_.state() == State::kRelayingAnswer) return handshake_.refusal_ended(Handshake::BodyEnd::kCut);
  if (session_.now() >= upgrade_deadline_) {
    const Error error{Code::kGatewayTimeout, Side::kBackend, "no answer to the upgrade within timeouts.upgrade"};
    return closing_for_next_ ? give_up(error) : give_up_on_candidate(error);
  }
  if (closing_for_next_) return;  // that attempt has failed already
  attempt_failed({Code::kConnectTimeout, Side::kBackend, "no connection within timeouts.connect"});
}

}  // namespace drover::proxy
