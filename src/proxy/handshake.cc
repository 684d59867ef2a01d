// From the first byte of a request to the last of its answer.
#include "proxy/handshake.h"

#include "base/log.h"
#include "http/answer.h"
#include "migration/handoff_messages.h"
#include "proxy/opt_in.h"
#include "proxy/session.h"
#include "proxy/worker.h"
#include "websocket/extensions.h"

namespace drover::proxy {

using observe::Initiator;
using observe::Why;

namespace {

constexpr std::string_view kNoTunnelHere = "only WebSocket connections are served here; send an Upgrade request";

}  // namespace

Handshake::Handshake(Session& session, std::shared_ptr<const Listener> listener)
    : session_(session),
      listener_(std::move(listener)),
      snapshot_(session.worker().snapshot()),
      parser_(head_limits(snapshot_->shared().config.limits)) {}

Handshake::~Handshake() = default;

void Handshake::start() {
  session_.arm(session_.now() + snapshot_->shared().config.limits.head_timeout);
  session_.client().start_reading();
}

void Handshake::on_read(net::ByteStream&, Bytes bytes) noexcept {
  switch (session_.state()) {
    case State::kReadingRequest: on_head_bytes(bytes); break;
    case State::kConnecting:
    case State::kAwaitingAnswer: hold(bytes); break;
    default: break;  // after an answer nothing of the client goes anywhere; it is read so that no reset overtakes it
  }
}

void Handshake::on_head_bytes(Bytes bytes) {
  const auto fed = parser_.feed(bytes);
  if (!fed) return answer(fed.error());
  if (!fed->complete) return;
  head_complete_ = true;
  asked_at_ = std::chrono::steady_clock::now();
  snapshot_ = session_.worker().snapshot();  // that of the accept may be as old as limits.head_timeout
  auto upgrade = websocket::check_request(request());
  if (!upgrade) return answer(upgrade.error());
  if (!*upgrade) {
    if (const auto answer = own_answer()) return give(*answer);
  }
  if (auto accepted = accept_request(std::move(*upgrade)); !accepted) return answer(accepted.error());
  remember({}, {});
  if (!session_.advance(Event::kRequestParsed)) return;
  hold(bytes.subspan(fed->consumed));
  connector_ = std::make_unique<Connector>(session_, *this, target_->pool);
  connector_->start();
}

// Frames behind the request wait for the 101, up to what one direction of a tunnel may queue.
void Handshake::hold(Bytes bytes) {
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  const std::uint64_t most = pool_->settings().slow_client.max_queued;
  if (held_.size() >= most) session_.client().pause(net::PauseReason::kHeld);
}

// What the listener itself has to say to an ordinary request. None: nothing.
std::optional<std::string> Handshake::own_answer() const {
  const bool is_head = request().method() == "HEAD";
  if (!is_head && request().method() != "GET") return std::nullopt;
  const auto body = is_head ? http::Body::kLeftOut : http::Body::kSent;
  const auto path = request().path();
  if (!listener_->health_path.empty() && path == listener_->health_path) {
    const bool ready = obstacle(session_.worker().admission().phase(), snapshot_->shared().pools).empty();
    return http::readiness_answer(ready ? http::Ready::kYes : http::Ready::kNo, body);
  }
  if (listener_->page != nullptr && path == "/") return http::page_answer(*listener_->page, body);
  return std::nullopt;
}

// Whoever balances in front of Drover asks every second: that is no session, so nothing is logged or counted.
void Handshake::give(std::string_view own_answer) {
  if (!session_.advance(Event::kAnswered)) return;
  session_.client().write(as_bytes(own_answer));
  linger();
}

// `upgrade`: none where it is an ordinary request.
Result<void> Handshake::accept_request(std::optional<websocket::UpgradeRequest> upgrade) {
  auto found = route(upgrade ? &*upgrade : nullptr);
  if (!found) return std::unexpected(found.error());
  target_ = *found;
  pool_ = snapshot_->shared().pools[target_->pool].get();
  session_.set_pool(snapshot_->counters(target_->pool));
  if (!upgrade) return fail(Code::kUpgradeRequired, Side::kClient, std::string(kNoTunnelHere));
  asked_ = std::move(upgrade);
  const auto origin = request().find("origin");
  if (origin && !websocket::origin_allowed(*origin, target_->route.allowed_origins)) {
    return fail(Code::kForbidden, Side::kClient, "this Origin is not allowed here");
  }
  reconnection_ = take_reconnection(request(), asked_->subprotocols);
  return resume();
}

// Only a token that says so keeps its client out, and only where the configuration wants that.
Result<void> Handshake::resume() {
  if (reconnection_.token.empty()) return {};
  auto token = open_token();
  if (!token) {
    const auto& shared = snapshot_->shared();
    if (shared.config.resume.on_invalid_token == config::Resume::OnInvalidToken::kReject) {
      return std::unexpected(token.error());
    }
    log::debug("resume_token_ignored",
               {{"pool", pool_->name()}, {"peer", session_.peer().text()}, {"reason", token.error().detail}});
    return {};
  }
  fresh_id_ = session_.resume_id();
  session_.resume(token->resume_id);
  preferred_backend_ = std::move(token->backend);
  return {};
}

Result<migration::ResumeToken> Handshake::open_token() const {
  if (!reconnection_.contradiction.empty()) {
    return fail(Code::kUnauthorized, Side::kClient, std::string(reconnection_.contradiction));
  }
  auto token = snapshot_->shared().token_keys->open(reconnection_.token, migration::WallClock::now());
  if (token && token->pool != pool_->name()) {
    return fail(Code::kUnauthorized, Side::kClient, "the resume token is another pool's");
  }
  return token;
}

http::Scheme Handshake::scheme() const {
  return session_.client_transport().tls() == nullptr ? http::Scheme::kHttp : http::Scheme::kHttps;
}

http::PeerTrust Handshake::trust() const {
  return snapshot_->shared().trusts(session_.peer()) ? http::PeerTrust::kTrusted : http::PeerTrust::kUntrusted;
}

Result<const Router::Target*> Handshake::route(const websocket::UpgradeRequest* upgrade) const {
  const auto kind = upgrade != nullptr ? RequestKind::kWebSocket : RequestKind::kOrdinary;
  const auto* target = snapshot_->shared().router.match(request().host(), request().path(), kind);
  if (target == nullptr) return fail(Code::kNoRoute, Side::kClient, "no route for this host and path");
  return target;
}

std::string Handshake::forwarded_head(http::DialLines lines) {
  if (open_head_.empty()) make_open_head();
  lines.resumed = !fresh_id_.empty();
  return http::head_for_dial(open_head_, lines);
}

void Handshake::make_open_head() {
  const std::string peer = session_.peer().ip_text();
  const std::string resume_id = session_.resume_id();
  http::ForwardingContext context;
  context.peer_address = peer;
  context.listener_port = listener_->port;
  const auto* tls = session_.client_transport().tls();
  const auto identity = tls == nullptr ? std::nullopt : tls->peer_identity();
  context.scheme = scheme();
  if (identity) {
    context.client_subject = identity->subject;
    context.client_fingerprint = identity->fingerprint;
  }
  context.trust = trust();
  context.request_id = fresh_id_.empty() ? resume_id : fresh_id_;
  context.session = resume_id;
  context.strip_prefix = target_->stripped;
  context.query = reconnection_.query;
  context.subprotocols = reconnection_.offer;
  auto forwarded = http::forward_upgrade(request(), context);
  if (forwarded.ignored_forwarding_headers) session_.worker().note_ignored_forwarding(session_.peer());
  request_id_ = std::move(forwarded.request_id);
  open_head_ = std::move(forwarded.head);
}

void Handshake::remember(std::string_view subprotocol, std::string_view detail) {
  Session::Texts texts;
  if (head_complete_) texts.path = request().path();
  if (target_ != nullptr) texts.route = target_->route.name;
  if (pool_ != nullptr) texts.pool = pool_->name();
  if (request_id_ != session_.resume_id()) texts.request_id = request_id_;  // Drover's own is the resume_id
  texts.subprotocol = subprotocol;
  texts.detail = detail;
  session_.set_texts(texts);
}

void Handshake::upgraded(const http::ResponseHead& head, const websocket::UpgradeAnswer& answer, Bytes behind) {
  session_.note_status(head.status(), observe::Source::kBackend);
  const auto taken = std::chrono::steady_clock::now() - asked_at_;
  snapshot_->counters(target_->pool)
      .upgrade_time.add(
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(taken).count()));
  const std::string_view ours = answer.subprotocol.empty() ? reconnection_.subprotocol : std::string_view();
  remember(ours.empty() ? answer.subprotocol : ours, {});
  keep_opt_in();
  session_.client().write(as_bytes(http::forward_switching(head, websocket::accept_of(asked_->key), ours)));
  session_.client().resume(net::PauseReason::kHeld);
  Session::TunnelBeginning beginning{.behind_answer = behind, .behind_request = held_};
  note_handoff(head, answer, beginning);
  session_.begin_tunnel(tunnel_limits(pool_->settings(), answer), std::move(beginning));  // destroys this object
}

// Whether another backend may take this one's place: one that compresses with what it has seen before would have to
// have seen it (RFC 7692 section 7.1.1).
void Handshake::note_handoff(const http::ResponseHead& head, const websocket::UpgradeAnswer& answer,
                             Session::TunnelBeginning& beginning) {
  const auto form = pool_->settings().migration.handoff;
  const bool takes_part =
      form == config::Handoff::kOptIn && migration::takes_part(head.find(migration::kHandoffHeader).value_or(""));
  if (takes_part) beginning.handoff_key = connector_->handoff_key();
  beginning.deflate = answer.permessage_deflate;
  beginning.resumed = !fresh_id_.empty();
  beginning.enters = takes_part && beginning.resumed;
  if (form == config::Handoff::kOff || (form == config::Handoff::kOptIn && !takes_part)) return;
  auto extensions = websocket::read_extensions(answer.extensions);
  const bool starts_afresh =
      extensions.client_no_context_takeover && (extensions.server_no_context_takeover || !takes_part);
  if (extensions.others || (extensions.permessage_deflate && !starts_afresh)) return;
  open_head_.shrink_to_fit();
  beginning.retained = Retained{.head = std::move(open_head_),
                                .subprotocol = answer.subprotocol,
                                .extensions = std::move(extensions.canonical),
                                .hash_key = connector_->hash_key()};
}

void Handshake::keep_opt_in() {
  if (!reconnection_.asked && pool_->settings().migration.notify != config::Notify::kAlways) return;
  session_.keep(
      std::make_unique<OptIn>(OptIn{.url = own_url(request(), scheme(), trust()), .asked = reconnection_.asked}));
}

void Handshake::refused(const http::ResponseHead& head) {
  session_.note_status(head.status(), observe::Source::kBackend);
  session_.note_end(Initiator::kBackend, Why::kRejected);
  remember({}, "the backend answered " + std::to_string(head.status()));
  session_.client().write(as_bytes(http::forward_refusal(head)));
  held_.clear();
  session_.client().resume(net::PauseReason::kHeld);
}

void Handshake::refusal_body(Bytes part) {
  session_.client().write(part);
}

void Handshake::refusal_ended(BodyEnd end) {
  session_.backend().close_in_order();
  // A body that was cut short must not look whole: the client's connection ends with it, without lingering.
  if (end == BodyEnd::kCut) return session_.finish();
  if (session_.advance(Event::kAnswered)) linger();
}

void Handshake::answer(const Error& error) {
  if (!session_.advance(Event::kAnswered)) return;
  session_.counters().rejected[static_cast<std::size_t>(error.code)].add(1);
  session_.note_status(http::status_of(error.code), observe::Source::kDrover);
  session_.note_end(Initiator::kDrover, Why::kRejected);
  remember({}, error.detail);
  held_.clear();
  session_.client().write(as_bytes(http::answer_to(error)));
  session_.client().resume(net::PauseReason::kHeld);
  linger();
}

void Handshake::linger() {
  session_.client().finish_writing();
  const auto close = pool_ != nullptr ? pool_->settings().timeouts.close : config::PoolTimeouts{}.close;
  session_.arm(session_.now() + close);
  finish_if_read();
}

// Both sides have said all: nothing is left to linger for.
void Handshake::finish_if_read() {
  if (client_finished_ && session_.state() == State::kAnswering && session_.client().queued() == 0) session_.finish();
}

void Handshake::on_deadline() {
  switch (session_.state()) {
    case State::kReadingRequest:
      if (!parser_.started()) return end_silence();
      return answer(
          {Code::kRequestTimeout, Side::kClient, "the request head was not whole within limits.head_timeout"});
    case State::kConnecting:
    case State::kAwaitingAnswer:
    case State::kRelayingAnswer: return connector_->on_deadline();
    default: return session_.finish();
  }
}

// Somebody who never said a word (a browser's spare connection) is not waiting for an answer. But a TLS handshake that
// has begun is a word.
void Handshake::end_silence() {
  const auto* tls = session_.client_transport().tls();
  if (tls != nullptr && tls->shaking_hands()) {
    remember({}, "TLS: the handshake was not over within limits.head_timeout");
    session_.note_end(Initiator::kDrover, Why::kRejected);
  }
  session_.finish_in_order();
}

void Handshake::on_read_end(net::ByteStream& stream, net::ReadEnd end) noexcept {
  // A client that ended its direction after an answer still reads it; before one it will never speak WebSocket.
  const bool answered = session_.state() == State::kRelayingAnswer || session_.state() == State::kAnswering;
  if (answered && (end == net::ReadEnd::kEof || end == net::ReadEnd::kTruncated)) {
    client_finished_ = true;
    return finish_if_read();
  }
  const auto failure = stream.failure();  // of its TLS
  if (!answered && !failure.empty()) remember({}, failure);
  if (!answered && end == net::ReadEnd::kBroken) {
    session_.note_end(Initiator::kDrover, Why::kRejected);
  } else if (!answered && (started() || !failure.empty())) {
    session_.note_end(Initiator::kClient, Why::kClientLost);
  }
  session_.finish();
}

void Handshake::on_written(net::ByteStream&) noexcept {
  if (session_.client().write_failed()) return session_.finish();
  if (session_.state() == State::kRelayingAnswer) return connector_->client_caught_up();
  finish_if_read();
}

void Handshake::on_closed(net::ByteStream&) noexcept {
  session_.on_stream_closed();
}

}  // namespace drover::proxy
