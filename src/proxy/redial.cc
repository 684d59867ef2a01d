// Nobody is told of a candidate that fails but the owner, who decides what follows; no client waits for this answer.
#include "proxy/redial.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "http/forwarding.h"
#include "migration/handoff_messages.h"
#include "proxy/dial.h"
#include "proxy/session.h"
#include "proxy/worker.h"
#include "websocket/extensions.h"
#include "websocket/handshake.h"

namespace drover::proxy {

namespace {

// What a backend may have said before it is read in earnest.
constexpr std::size_t kMostEarly = 16 * 1024;
constexpr std::uint8_t kCloseFrame = 0x88;

bool may_take(const balancer::Backend& backend, balancer::Standard standard, const Session& session) {
  return balancer::eligible(backend, standard) && backend.open() && !session.is_on(backend);
}

}  // namespace

Redial::Redial(Session& session, Owner& owner, const Retained& retained, bool by_contract, net::Transport& transport)
    : session_(session), owner_(owner), retained_(retained), by_contract_(by_contract), transport_(transport) {}

Redial::~Redial() = default;

bool Redial::has_candidate(const Session& session) {
  const auto& snapshot = session.worker().snapshot()->shared();
  const auto place = snapshot.place_of(session.pool_name());
  if (!place) return false;
  const auto& pool = *snapshot.pools[*place];
  const auto standard = pool.standard();
  return std::ranges::any_of(pool.backends(),
                             [&](const auto& backend) { return may_take(*backend, standard, session); });
}

std::shared_ptr<balancer::Backend> Redial::owner(const Session& session, std::optional<std::uint64_t> hash_key) {
  const auto& snapshot = *session.worker().snapshot();
  const auto place = snapshot.shared().place_of(session.pool_name());
  if (!place || !hash_key) return nullptr;
  const auto standard = snapshot.shared().pools[*place]->standard();
  const std::function<bool(const balancer::Backend&)> healthy = [standard](const auto& backend) {
    return balancer::healthy(backend, standard);
  };
  return snapshot.policy(*place).owner({.eligible = healthy, .now = session.now(), .key = hash_key});
}

bool Redial::may_try(const balancer::Backend& backend, balancer::Standard standard) const {
  const auto is_it = [&](const auto& tried) { return tried.get() == &backend; };
  return may_take(backend, standard, session_) && (!allows_ || allows_(backend)) && std::ranges::none_of(tried_, is_it);
}

bool Redial::dial() {
  drop();
  if (!transport_.in_use()) return start_next();
  if (!has_candidate(session_)) return false;
  once_closed_ = OnceClosed::kDial;
  return true;
}

void Redial::drop() {
  once_closed_ = OnceClosed::kTell;
  lease_ = {};
  parser_.reset();
  early_ = {};
  if (stage_ == Stage::kIdle || stage_ == Stage::kClosing) return;
  stage_ = Stage::kClosing;
  transport_.stream().close_in_order();
}

bool Redial::start_next() {
  snapshot_ = session_.worker().snapshot();
  const auto place = snapshot_->shared().place_of(session_.pool_name());
  if (!place) return false;
  const auto& pool = *snapshot_->shared().pools[*place];
  failures_ = pool.settings().ejection.failures;
  const auto standard = pool.standard();
  const std::function<bool(const balancer::Backend&)> eligible = [this, standard](const auto& backend) {
    return may_try(backend, standard);
  };
  const balancer::PickContext context{.eligible = eligible, .now = session_.now(), .key = retained_.hash_key};
  while (auto backend = snapshot_->policy(*place).pick(context)) {
    auto lease = balancer::Lease::take(backend);
    if (!lease) continue;            // full since the pick, so it is not picked again
    if (!backend->open()) continue;  // a drain that began since may have looked before this session counted
    lease_ = std::move(lease);
    tried_.push_back(backend);
    if (start(pool, backend)) return true;
    lease_ = {};
    if (!transport_.in_use()) continue;
    once_closed_ = OnceClosed::kFail;
    return true;
  }
  return false;
}

bool Redial::start(const balancer::Pool& pool, const std::shared_ptr<balancer::Backend>& backend) {
  stage_ = Stage::kConnecting;
  const auto started = proxy::dial(transport_, *this, *backend, pool, *snapshot_);
  if (started) return true;
  note_unreachable(started.error());
  stage_ = transport_.in_use() ? Stage::kClosing : Stage::kIdle;
  return false;
}

void Redial::on_connected(net::ByteStream& stream, Result<void> result) noexcept {
  if (stage_ != Stage::kConnecting) return;
  if (!result) return unreachable(result.error());
  stage_ = Stage::kAwaitingAnswer;
  key_ = websocket::fresh_key();
  handoff_key_ = by_contract_ ? fresh_handoff_key() : std::string();
  const std::string offer = by_contract_ ? migration::handoff_offer(handoff_key_) : std::string();
  const std::string head = http::head_for_dial(
      retained_.head,
      {.websocket_key = key_, .handoff = offer, .resumed = true, .previous_backend = session_.backend_name()});
  parser_.emplace(head_limits(snapshot_->shared().config.limits));
  stream.write(as_bytes(head));
  asked_at_ = std::chrono::steady_clock::now();
  stream.start_reading();
}

void Redial::on_read(net::ByteStream&, Bytes bytes) noexcept {
  if (stage_ == Stage::kOpen) return keep_early(bytes);
  if (stage_ != Stage::kAwaitingAnswer) return;
  auto fed = parser_->feed(bytes);
  if (!fed) return unreachable(fed.error());
  if (fed->complete) on_answer(bytes.subspan(fed->consumed));
}

void Redial::on_answer(Bytes behind) {
  const auto& head = parser_->head();
  balancer::Backend& candidate = lease_.backend();
  note_answer(candidate, head, std::chrono::steady_clock::now() - asked_at_, session_.now());
  if (head.status() >= 500) {
    return unreachable({Code::kConnectFailed, Side::kBackend, "answered " + std::to_string(head.status())});
  }
  candidate.note_success();
  if (auto reason = difference(head)) {
    candidate.note_refusal();
    return refused(*reason);
  }
  candidate.note_session();
  stage_ = Stage::kOpen;
  parser_.reset();
  keep_early(behind);
  if (stage_ == Stage::kOpen) owner_.on_redialled();
}

// What the client would notice, or the contract forbids; none: nothing.
std::optional<std::string> Redial::difference(const http::ResponseHead& head) const {
  if (head.status() != 101) return "answered " + std::to_string(head.status());
  websocket::UpgradeRequest asked{.key = key_, .subprotocols = {}, .extensions = {}};
  if (!retained_.subprotocol.empty()) asked.subprotocols.push_back(retained_.subprotocol);
  if (!retained_.extensions.empty()) asked.extensions.emplace_back("permessage-deflate");
  const auto answer = websocket::check_answer(head, asked, key_);
  if (!answer) return answer.error().detail;
  if (answer->subprotocol != retained_.subprotocol) return "chose another subprotocol";
  if (websocket::read_extensions(answer->extensions).canonical != retained_.extensions) return "chose other extensions";
  if (by_contract_ && !migration::takes_part(head.find("x-drover-handoff").value_or(""))) {
    return "takes no part in handoffs";
  }
  return std::nullopt;
}

// Kept for the tunnel, but for a Close: that one says that it does not want the session.
void Redial::keep_early(Bytes bytes) {
  if (bytes.empty()) return;
  if (early_.empty() && bytes.front() == kCloseFrame) return refused("closed the new connection");
  early_.insert(early_.end(), bytes.begin(), bytes.end());
  if (early_.size() >= kMostEarly) transport_.stream().pause(net::PauseReason::kHeld);
}

void Redial::on_read_end(net::ByteStream&, net::ReadEnd) noexcept {
  if (stage_ == Stage::kAwaitingAnswer || stage_ == Stage::kOpen) refused("ended the new connection");
}

void Redial::on_closed(net::ByteStream&) noexcept {
  go_on();
}

void Redial::go_on() {
  stage_ = Stage::kIdle;
  switch (std::exchange(once_closed_, OnceClosed::kTell)) {
    case OnceClosed::kTell: return owner_.on_redial_closed();
    case OnceClosed::kDial:
      if (!start_next()) owner_.on_redial_unreachable();
      return;
    case OnceClosed::kFail: return owner_.on_redial_unreachable();
  }
}

void Redial::note_unreachable(const Error& error) const {
  if (error.side == Side::kDrover) session_.worker().note_exhausted(error.detail);
  if (error.side == Side::kBackend) blame(tried_.back(), failures_, session_.worker());
  note("handoff_unreachable", error.detail);
}

void Redial::unreachable(const Error& error) {
  note_unreachable(error);
  drop();
  owner_.on_redial_unreachable();
}

void Redial::refused(const std::string& reason) {
  note("handoff_refused", reason);
  drop();
  owner_.on_redial_refused();
}

void Redial::note(std::string_view event, const std::string& reason) const {
  log::info(event, {{"pool", session_.pool_name()},
                    {"session", session_.id_text()},
                    {"backend", tried_.back()->name()},
                    {"reason", reason}});
}

Redial::Taken Redial::hand_over() {
  stage_ = Stage::kIdle;
  return {.lease = std::move(lease_), .early = std::move(early_)};
}

}  // namespace drover::proxy
