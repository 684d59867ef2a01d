// The part of a DrainRun that moves sessions from backends with more than their share to those with less. They go on
// where they are until they are elsewhere: whoever cannot be moved, or does not come, stays.
#include "proxy/drain_run.h"
#include "proxy/mobility.h"
#include "proxy/session.h"
#include "proxy/worker.h"

namespace drover::proxy {

using migration::Mode;
using migration::Quotas;

namespace {

// Sessions that are asked before the loop has its next turn.
constexpr unsigned kMostLooks = 1'024;
// Until those that could not be moved are asked again.
constexpr Milliseconds kAsideFor{1'000};

}  // namespace

// One of each backend after the other.
void DrainRun::move_those_above() {
  if (!drain_->quotas().has_room()) return;
  const std::size_t givers = drain_->order().backends.size();
  looked_at_ = 0;
  for (std::size_t in_vain = 0; in_vain < givers;) {
    const Outcome outcome = offer_one_of(next_giver_);
    if (outcome == Outcome::kNoTurn) return;
    next_giver_ = (next_giver_ + 1) % givers;
    in_vain = outcome == Outcome::kTold ? 0 : in_vain + 1;
  }
  const MonotonicTime now = worker_.loop().now();
  if (now < aside_until_) return;
  aside_until_ = now + kAsideFor;
  let_go(aside_);
}

DrainRun::Outcome DrainRun::offer_one_of(std::size_t giver) {
  balancer::Holders& holders = drain_->order().backends[giver]->holders(worker_.index());
  while (balancer::Holder* holder = holders.front()) {
    if (++looked_at_ > kMostLooks) return Outcome::kNoTurn;
    auto claim = drain_->quotas().take(giver);
    if (!claim) return Outcome::kNotNow;
    const Outcome outcome = offer(Session::of(*holder), std::move(claim));
    if (outcome != Outcome::kNotNow) return outcome;
    aside_.push_back(*holder);
  }
  return Outcome::kNotNow;
}

DrainRun::Outcome DrainRun::offer(Session& session, Quotas::Claim claim) {
  const auto way = way_of(*drain_, session);
  if (!way) return Outcome::kNotNow;
  const MonotonicTime clock = drain_->clock(worker_.loop().now());
  const auto turn = done_ < kMostATurn ? drain_->take_turn(clock) : std::nullopt;
  if (!turn) return Outcome::kNoTurn;
  ++done_;
  if (*way == Mode::kHandoff) {
    give_notice(session, Notice::Stage::kToBeMoved, *turn);
  } else if (ask_to_come(session, *turn, clock, claim)) {
    give_notice(session, Notice::Stage::kNotified, *turn + drain_->order().grace);
  } else {
    return Outcome::kNotNow;
  }
  session.notice()->claim = std::move(claim);
  return Outcome::kTold;
}

std::optional<Mode> DrainRun::way_of(const migration::Drain& drain, const Session& session) {
  if (!session.tunnels()) return std::nullopt;
  const auto moved_at = session.moved_at();
  if (moved_at && session.now() - *moved_at < drain.order().cooldown) return std::nullopt;
  const bool may_go = may_hand_off(drain, session);
  if (!drain.order().to_owners) {
    if (may_go) return Mode::kHandoff;
    return may_notify(drain, session) ? std::optional(Mode::kNotify) : std::nullopt;
  }
  const auto owner = may_go ? session.mobility()->owner() : nullptr;
  return owner != nullptr && drain.quotas().may_take(*owner) ? std::optional(Mode::kHandoff) : std::nullopt;
}

Redial::Allows DrainRun::takers_of(const Session& session) const {
  if (!drain_->rebalances()) return nullptr;
  if (!drain_->order().to_owners) {
    if (!drain_->quotas().has_room()) return nullptr;
    return [drain = drain_](const auto& backend) { return drain->quotas().may_take(backend); };
  }
  const auto owner = session.mobility()->owner();
  if (owner == nullptr || !drain_->quotas().may_take(*owner)) return nullptr;
  return [owner](const auto& backend) { return &backend == owner.get(); };
}

// A key's owner would get it anyway (see Connector), so there is nothing to ask for.
bool DrainRun::ask_to_come(Session& session, MonotonicTime turn, MonotonicTime clock, Quotas::Claim& claim) {
  if (drain_->order().to_owners || !session.tunnels() || !may_notify(*drain_, session)) return false;
  const auto backend = drain_->quotas().promise(claim);
  if (backend == nullptr || !notify(session, turn, clock, backend->name())) return false;
  session.note_move();
  return true;
}

void DrainRun::let_stay(Session& session) {
  session.count_move(observe::MoveMode::kNotify, observe::MoveResult::kFailed);
  let_go_of(session);
}

}  // namespace drover::proxy
