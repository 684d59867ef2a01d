// The tunnel calls for a move, or a drain does; what is allowed is the pool's, by the configuration of now.
#include "proxy/mobility.h"

#include <algorithm>
#include <utility>

#include "proxy/session.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

namespace drover::proxy {

using observe::MoveCause;
using observe::MoveResult;

namespace {

// A Close that a backend sends to everybody must not send a session around for ever (DESIGN section 7).
constexpr unsigned kMostFollowed = 10;
// Moves that an access line tells of; a session may live for weeks.
constexpr unsigned kMostRemembered = 100;
// Between two tries to find somebody for a session whose backend wants to go.
constexpr Milliseconds kLongestPause{10'000};

MoveCause cause_of(HandoffStart start) {
  switch (start) {
    case HandoffStart::kPlanned: break;
    case HandoffStart::kLeaving: return MoveCause::kLeaving;
    case HandoffStart::kClosed: return MoveCause::kClosed;
    case HandoffStart::kRescue: return MoveCause::kRescued;
  }
  return MoveCause::kDrain;
}

}  // namespace

Mobility::Mobility(Session& session, Tunnel& tunnel, Retained retained)
    : session_(session), tunnel_(tunnel), retained_(std::move(retained)) {}

Mobility::~Mobility() {
  session_.worker().loop().wheel().disarm(*this);
}

Handoff* Mobility::handoff() const {
  return tunnel_.movable()->handoff.get();
}

bool Mobility::by_contract() const {
  return !tunnel_.movable()->key.empty();
}

const config::Pool* Mobility::settings() const {
  const auto& snapshot = session_.worker().snapshot()->shared();
  const auto place = snapshot.place_of(session_.pool_name());
  return place ? &snapshot.pools[*place]->settings() : nullptr;
}

std::uint64_t Mobility::most_state() const {
  const config::Pool* const pool = settings();
  return pool == nullptr ? config::Migration{}.max_state : pool->migration.max_state;
}

bool Mobility::may_move() const {
  const config::Pool* const pool = settings();
  if (retained_.head.empty() || pool == nullptr || !tunnel_.is_whole()) return false;
  // A session that began under `assume` has a backend that takes no part in the contract.
  const auto allowed = pool->migration.handoff;
  return allowed == config::Handoff::kAssume || (allowed == config::Handoff::kOptIn && by_contract());
}

bool Mobility::is_busy() const {
  return handoff() != nullptr || (redial_ != nullptr && idle_in_use());
}

bool Mobility::may_begin(HandoffStart start) const {
  if (!may_move() || handoff() != nullptr) return false;
  if (start != HandoffStart::kRescue) return true;
  return settings()->migration.rescue && session_.now() >= not_rescued_before_ && Redial::has_candidate(session_);
}

bool Mobility::Often::too_often(MonotonicTime now, Milliseconds cooldown) const {
  return count >= kMostFollowed && now - since < cooldown;
}

void Mobility::Often::add(MonotonicTime now, Milliseconds cooldown) {
  if (now - since >= cooldown) count = 0;
  if (count++ == 0) since = now;
}

bool Mobility::may_follow_close() {
  if (!may_begin(HandoffStart::kClosed) || !Redial::has_candidate(session_)) return false;
  return !followed_.too_often(session_.now(), settings()->migration.cooldown);
}

bool Mobility::begin(MoveCause cause, Redial::Allows allows) {
  if (!may_begin(HandoffStart::kPlanned) || is_busy()) return false;
  note_move();
  start({}, cause, std::move(allows));
  return true;
}

void Mobility::note_move() {
  moved_at_ = session_.now();
}

std::shared_ptr<balancer::Backend> Mobility::owner() const {
  return Redial::owner(session_, retained_.hash_key);
}

bool Mobility::begin_handoff(HandoffStart start_as, websocket::CloseCode code) {
  // It says so once: if nobody takes the session now, somebody may later.
  if (start_as == HandoffStart::kLeaving) backend_leaves_ = true;
  if (!may_begin(start_as)) return false;
  const auto now = session_.now();
  const auto& pool = *settings();
  if (start_as == HandoffStart::kLeaving) {
    // Where all of them want to go, the session would go round among them.
    if (left_.too_often(now, pool.migration.cooldown)) {
      pause_ = kLongestPause;
      try_again();
      return false;
    }
    left_.add(now, pool.migration.cooldown);
  }
  Handoff::Beginning beginning{.start = start_as, .code = code, .not_before = {}};
  if (start_as == HandoffStart::kRescue) not_rescued_before_ = now + pool.migration.cooldown;
  if (start_as == HandoffStart::kClosed) followed_.add(now, pool.migration.cooldown);
  if (start_as >= HandoffStart::kClosed) {
    beginning.not_before = session_.farewell_slot(pool.lost_backend.close_pace);
  }
  start(beginning, cause_of(start_as));
  return true;
}

void Mobility::start(const Handoff::Beginning& beginning, MoveCause cause, Redial::Allows allows) {
  const auto& pool = *settings();
  cause_ = cause;
  adopted_ = false;
  net::Transport& transport = idle_transport();
  if (redial_ == nullptr || &redial_->transport() != &transport || !transport.in_use()) {
    Redial::Owner& owner = *this;
    redial_ = std::make_unique<Redial>(session_, owner, retained_, by_contract(), transport);
  }
  redial_->restrict_to(std::move(allows));
  const Handoff::Terms terms{.form = by_contract() ? Handoff::Form::kContract : Handoff::Form::kAssume,
                             .timeout = pool.migration.handoff_timeout,
                             .quiet = pool.migration.quiet,
                             .close = pool.timeouts.close};
  auto& handoff = tunnel_.movable()->handoff;
  handoff = std::make_unique<Handoff>(tunnel_, *this, terms, beginning);
  handoff->begin();
}

net::Transport& Mobility::idle_transport() {
  net::Transport& own = session_.backend_transport();
  if (&session_.serving_transport() != &own) return own;
  if (spare_ == nullptr) spare_ = std::make_unique<net::Transport>(session_.worker().loop());
  return *spare_;
}

bool Mobility::idle_in_use() const {
  const net::Transport& own = session_.backend_transport();
  if (&session_.serving_transport() != &own) return own.in_use();
  return spare_ != nullptr && spare_->in_use();
}

bool Mobility::in_use() const {
  return spare_ != nullptr && spare_->in_use();
}

void Mobility::call_off() {
  if (handoff() != nullptr) handoff()->call_off();
}

void Mobility::close() {
  if (handoff() != nullptr) handoff()->on_tunnel_closing();
  drop_next();
  if (parting_ != nullptr) parting_->close();
  session_.worker().loop().wheel().disarm(*this);
}

bool Mobility::dial_next() {
  drop_next();
  if (parting_ != nullptr) parting_->close();  // its connection has had its Close, and this one needs the place
  // A session that cannot stay where it is goes anywhere.
  if (handoff()->is_leaving() || handoff()->backend_has_left()) redial_->restrict_to(nullptr);
  return redial_->dial();
}

// Whoever has answered waits for `enter` or a Close.
void Mobility::drop_next() {
  if (redial_ == nullptr) return;
  if (!redial_->is_open()) return redial_->drop();
  static_cast<void>(redial_->hand_over());
  net::Transport& transport = redial_->transport();
  transport.stream().write_last(
      websocket::make_close(websocket::Towards::kBackend, websocket::CloseCode::kGoingAway, "not needed"));
  part_from(transport, false);
}

void Mobility::part_from(net::Transport& transport, bool ended) {
  parting_ = std::make_unique<Parting>(session_.worker().loop(), transport, [this] { on_parted(); });
  const config::Pool* const pool = settings();
  const auto close = pool == nullptr ? config::PoolTimeouts{}.close : pool->timeouts.close;
  parting_->start(ended, session_.now() + close);
}

std::string_view Mobility::backend_name() const {
  return session_.backend_name();
}

void Mobility::arm_handoff(MonotonicTime deadline) {
  session_.worker().loop().arm(*this, deadline);
}

std::vector<std::uint8_t> Mobility::adopt_next(bool old_ended) {
  adopted_ = true;
  backend_leaves_ = false;
  pause_ = Milliseconds(0);
  note_move();
  if (moved_++ < kMostRemembered) moves_.push_back({.backend = std::string(session_.backend_name()), .why = cause_});
  auto [lease, early] = redial_->hand_over();
  net::Transport& old = session_.serving_transport();
  session_.serve_by(redial_->transport(), std::move(lease));
  Movable& movable = *tunnel_.movable();
  if (by_contract()) {
    movable.key = redial_->key();
    movable.screen = std::make_unique<BackendScreen>(movable.key, most_state());
  }
  part_from(old, old_ended);
  return early;
}

void Mobility::on_handed_off(std::optional<MoveResult> result, std::chrono::microseconds held_for) {
  tunnel_.movable()->handoff.reset();
  session_.worker().loop().wheel().disarm(*this);
  if (!adopted_) drop_next();
  redial_->forget();
  if (backend_leaves_ && result) try_again();
  session_.on_handed_off({.result = result, .cause = cause_, .moved = adopted_, .held_for = held_for});
}

void Mobility::on_redialled() {
  if (handoff() != nullptr) handoff()->on_opened();
}

void Mobility::on_redial_refused() {
  if (handoff() != nullptr) handoff()->on_dial_failed(Handoff::Failure::kRefused);
}

void Mobility::on_redial_unreachable() {
  if (handoff() != nullptr) handoff()->on_dial_failed(Handoff::Failure::kUnreachable);
}

// A connection beside the one that serves is closed. The session may be gone when this returns.
void Mobility::on_redial_closed() {
  session_.on_stream_closed();
}

void Mobility::on_parted() {
  parting_.reset();
  if (handoff() != nullptr) return redial_->go_on();
  redial_.reset();  // some 350 bytes, and the session may live for days
  session_.on_stream_closed();
}

// A backend that has asked to be left is asked for by nobody else.
void Mobility::try_again() {
  constexpr Milliseconds kFirst{250};
  pause_ = pause_.count() == 0 ? kFirst : std::min(2 * pause_, kLongestPause);
  session_.worker().loop().arm(*this, session_.now() + pause_);
}

void Mobility::on_deadline() noexcept {
  if (handoff() != nullptr) return handoff()->on_deadline();
  if (!backend_leaves_ || !may_begin(HandoffStart::kLeaving)) return;
  if (is_busy() || !Redial::has_candidate(session_)) return try_again();
  start({.start = HandoffStart::kLeaving, .code = {}, .not_before = {}}, MoveCause::kLeaving);
}

}  // namespace drover::proxy
