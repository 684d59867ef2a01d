// A tick does what is due by now. A session is told up to Drain::kAhead before its turn, so turns keep their distance
// whatever the ticks of the workers are.
#include "proxy/drain_run.h"

#include <algorithm>

#include "migration/messages.h"
#include "proxy/mobility.h"
#include "proxy/opt_in.h"
#include "proxy/session.h"
#include "proxy/worker.h"

namespace drover::proxy {

using migration::Cause;
using migration::Mode;
using observe::MoveMode;
using observe::MoveResult;

namespace {

// Of the wheel: a whole tick from now would be the one after it.
constexpr Milliseconds kNextTick{1};
// Until a session is asked again that has not left its last backend altogether.
constexpr Milliseconds kWhenBusy{100};

}  // namespace

bool DrainRun::may_hand_off(const migration::Drain& drain, const Session& session) {
  if (drain.order().first_mode != Mode::kHandoff || drain.order().cause == Cause::kShutdown) return false;
  return session.mobility() != nullptr && session.mobility()->may_move();
}

bool DrainRun::may_notify(const migration::Drain& drain, const Session& session) {
  const OptIn* opt_in = session.opt_in();
  if (opt_in == nullptr || drain.order().first_mode == Mode::kClose) return false;
  switch (drain.notify_in(session.pool_name())) {
    case config::Notify::kOff: return false;
    case config::Notify::kOptIn: return opt_in->asked;
    case config::Notify::kAlways: return true;
  }
  return false;
}

DrainRun::DrainRun(Worker& worker, std::shared_ptr<migration::Drain> drain)
    : worker_(worker), drain_(std::move(drain)), reopened_(drain_->order().backends.size()) {}

DrainRun::~DrainRun() {
  worker_.loop().wheel().disarm(*this);
  call_off(nullptr);
  for (auto* holders : {&notified_, &waiting_, &moving_, &not_moved_, &closed_, &not_now_, &aside_}) {
    let_go(*holders);
  }
}

void DrainRun::on_deadline() noexcept {
  if (drain_->over()) return worker_.end_run(*this);  // this is gone
  done_ = 0;
  if (!drain_->held()) {
    let_go(not_now_);
    if (drain_->rebalances()) {
      move_those_above();
    } else if (drain_->covers_all()) {
      tell_all();
    } else {
      tell_those_of_backends();
    }
    const MonotonicTime clock = drain_->clock(worker_.loop().now());
    for (auto* holders : {&not_moved_, &notified_, &waiting_}) do_due(*holders, clock);
  }
  worker_.loop().arm(*this, worker_.loop().now() + kNextTick);
}

void DrainRun::tell_those_of_backends() {
  const auto& backends = drain_->order().backends;
  bool turns_left = true;
  for (std::size_t index = 0; index < backends.size(); ++index) {
    balancer::Backend& backend = *backends[index];
    // Whoever opened it again wants its sessions to stay.
    if (backend.open()) {
      if (!reopened_[index]) {
        call_off(&backend);
        for (auto* holders : {&notified_, &waiting_}) let_go_of_those_of(backend, *holders);
      }
      reopened_[index] = true;
      let_go_of_those_of(backend, not_moved_);  // a move that could not be called off may have come to nothing since
      continue;
    }
    reopened_[index] = false;
    balancer::Holders& holders = backend.holders(worker_.index());
    while (balancer::Holder* holder = turns_left ? holders.front() : nullptr) {
      Session& session = Session::of(*holder);
      const Outcome outcome = tell(session);
      turns_left = outcome != Outcome::kNoTurn;
      if (outcome == Outcome::kNotNow) not_now_.push_back(*holder);
    }
  }
}

// Those that were in their handshake are asked again once all others have been told.
void DrainRun::tell_all() {
  if (!walk_) walk_.emplace(worker_.sessions());
  while (!walk_->at_end()) {
    Session& session = walk_->next();
    if (session.notice() == nullptr && !session.leave_if_silent() && tell(session) == Outcome::kNoTurn) return;
    walk_->step();
  }
  walk_.reset();
}

DrainRun::Outcome DrainRun::tell(Session& session) {
  if (!session.tunnels()) return Outcome::kNotNow;
  const MonotonicTime clock = drain_->clock(worker_.loop().now());
  const auto turn = done_ < kMostATurn ? drain_->take_turn(clock) : std::nullopt;
  if (!turn) return Outcome::kNoTurn;
  ++done_;
  const bool in_time = *turn <= drain_->last_turn();
  if (in_time && may_hand_off(*drain_, session)) {
    give_notice(session, Notice::Stage::kToBeMoved, *turn);
  } else if (in_time && may_notify(*drain_, session) && notify(session, *turn, clock)) {
    give_notice(session, Notice::Stage::kNotified, *turn + drain_->order().grace);
  } else {
    give_notice(session, Notice::Stage::kToBeClosed, *turn);
  }
  return Outcome::kTold;
}

// False: nothing can be put into the stream any more.
bool DrainRun::notify(Session& session, MonotonicTime turn, MonotonicTime clock, std::string_view backend) {
  const auto delay = std::max(turn - clock, Milliseconds(0));
  const auto deadline = delay + drain_->order().grace;
  if (drain_->order().cause == Cause::kShutdown) {
    return session.send_text(migration::text_of(migration::ServerShutdown{
        .message = "the server shuts down; please reconnect", .reconnect_delay = delay, .deadline = deadline}));
  }
  const std::string text = session.migrate_text({.endpoint = drain_->order().endpoint,
                                                 .reason = drain_->rebalances() ? "rebalance" : "drain",
                                                 .backend = backend,
                                                 .reconnect_delay = delay,
                                                 .deadline = deadline});
  return !text.empty() && session.send_text(text);
}

void DrainRun::give_notice(Session& session, Notice::Stage stage, MonotonicTime due) {
  session.set_notice(std::make_unique<Notice>(*this, due, stage));
  drain_->told.fetch_add(1, std::memory_order_relaxed);
  set_stage(session, stage, due);
}

balancer::Holders& DrainRun::list_of(Notice::Stage stage) {
  switch (stage) {
    case Notice::Stage::kToBeMoved:
    case Notice::Stage::kToBeClosed: break;
    case Notice::Stage::kMoving: return moving_;
    case Notice::Stage::kNotMoved: return not_moved_;
    case Notice::Stage::kNotified: return notified_;
    case Notice::Stage::kClosed: return closed_;
  }
  return waiting_;
}

void DrainRun::set_stage(Session& session, Notice::Stage stage, MonotonicTime due) {
  session.notice()->stage = stage;
  session.notice()->due = due;
  list_of(stage).push_back(session.holding());
  drain_->note_due(due);
}

void DrainRun::do_due(balancer::Holders& told, MonotonicTime clock) {
  while (balancer::Holder* holder = told.front()) {
    Session& session = Session::of(*holder);
    if (session.notice()->due > clock || done_ >= kMostATurn) return;
    ++done_;
    do_due(session, clock);
  }
}

void DrainRun::do_due(Session& session, MonotonicTime clock) {
  switch (session.notice()->stage) {
    case Notice::Stage::kToBeMoved: return hand_off(session, clock);
    case Notice::Stage::kNotMoved: return do_instead(session, clock);
    default: return close(session, *session.notice());
  }
}

void DrainRun::hand_off(Session& session, MonotonicTime clock) {
  Mobility& mobility = *session.mobility();
  if (mobility.is_busy()) return set_stage(session, Notice::Stage::kToBeMoved, clock + kWhenBusy);
  auto takers = takers_of(session);
  if (drain_->rebalances() && !takers) return let_go_of(session);
  set_stage(session, Notice::Stage::kMoving, clock);
  const auto cause = drain_->rebalances() ? observe::MoveCause::kRebalance : observe::MoveCause::kDrain;
  if (!mobility.begin(cause, std::move(takers))) do_instead(session, clock);
}

// What comes behind handoff.
void DrainRun::do_instead(Session& session, MonotonicTime clock) {
  // Its backend was lost meanwhile, and it is being rescued.
  if (session.mobility()->is_moving()) return set_stage(session, Notice::Stage::kNotMoved, clock + kWhenBusy);
  if (drain_->rebalances()) {
    if (!ask_to_come(session, clock, clock, session.notice()->claim)) return let_go_of(session);
    return set_stage(session, Notice::Stage::kNotified, clock + drain_->order().grace);
  }
  if (session.tunnels() && clock <= drain_->last_turn() && may_notify(*drain_, session) &&
      notify(session, clock, clock)) {
    return set_stage(session, Notice::Stage::kNotified, clock + drain_->order().grace);
  }
  session.notice()->stage = Notice::Stage::kToBeClosed;
  close(session, *session.notice());
}

void DrainRun::note_handoff(Session& session, const HandedOff& handed_off) {
  const bool ours = session.notice()->stage == Notice::Stage::kMoving;
  if (session.notice()->stage == Notice::Stage::kClosed) return;
  if (ours && handed_off.result) {
    drain_->handed_off.fetch_add(1, std::memory_order_relaxed);
    if (!handed_off.moved) drain_->failed.fetch_add(1, std::memory_order_relaxed);
  }
  if (handed_off.moved) {  // its backend has it already: see Mobility::adopt_next()
    const bool forced = handed_off.result == MoveResult::kForced;
    (forced ? drain_->forced : drain_->moved[static_cast<std::size_t>(Mode::kHandoff)])
        .fetch_add(1, std::memory_order_relaxed);
    drain_->told.fetch_sub(1, std::memory_order_release);  // last: see DrainPlan::progress()
    session.set_notice(nullptr);
  } else if (ours && handed_off.result) {
    set_stage(session, Notice::Stage::kNotMoved, drain_->clock(worker_.loop().now()));
  }
}

// Those of `backend`, null: all, that are not on their way for good stay where they are. That is no failure of theirs.
void DrainRun::call_off(const balancer::Backend* backend) {
  balancer::Holder* holder = moving_.front();
  while (holder != nullptr) {
    balancer::Holder* next = moving_.after(*holder);
    Session& session = Session::of(*holder);
    if (backend == nullptr || session.is_on(*backend)) call_off(session);
    holder = next;
  }
}

void DrainRun::call_off(Session& session) {
  session.notice()->stage = Notice::Stage::kToBeMoved;  // note_handoff() counts those that move
  session.mobility()->call_off();
  if (!session.mobility()->is_moving()) return let_go_of(session);
  session.notice()->stage = Notice::Stage::kMoving;
}

void DrainRun::close(Session& session, Notice& notice) {
  const bool notified = notice.stage == Notice::Stage::kNotified;
  if (drain_->rebalances() && session.tunnels()) return let_stay(session);
  notice.stage = Notice::Stage::kClosed;
  closed_.push_back(session.holding());
  drain_->told.fetch_sub(1, std::memory_order_relaxed);
  drain_->leaving.fetch_add(1, std::memory_order_relaxed);
  if (!session.tunnels()) {  // it has begun to go by itself
    if (notified) drain_->moved[static_cast<std::size_t>(Mode::kNotify)].fetch_add(1, std::memory_order_relaxed);
    if (notified) session.count_move(MoveMode::kNotify, MoveResult::kOk);
    return;
  }
  (notified ? drain_->forced : drain_->moved[static_cast<std::size_t>(Mode::kClose)])
      .fetch_add(1, std::memory_order_relaxed);
  session.count_move(notified ? MoveMode::kNotify : MoveMode::kClose, notified ? MoveResult::kForced : MoveResult::kOk);
  if (drain_->order().cause == Cause::kShutdown) return session.close_for_shutdown();
  session.close_for_drain();  // its streams may close, but the session ends in a later turn
}

void DrainRun::note_end(const Notice& notice, Session& session) {
  if (notice.stage == Notice::Stage::kClosed) {
    drain_->leaving.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (notice.stage == Notice::Stage::kNotified) {
    drain_->moved[static_cast<std::size_t>(Mode::kNotify)].fetch_add(1, std::memory_order_relaxed);
    session.count_move(MoveMode::kNotify, MoveResult::kOk);
  }
  drain_->told.fetch_sub(1, std::memory_order_release);  // last: see DrainPlan::progress()
}

void DrainRun::let_go_of(Session& session) {
  if (const Notice* notice = session.notice()) {
    auto& count = notice->stage == Notice::Stage::kClosed ? drain_->leaving : drain_->told;
    count.fetch_sub(1, std::memory_order_relaxed);
    session.set_notice(nullptr);
  }
  session.join_backend();
}

void DrainRun::let_go(balancer::Holders& holders) {
  while (balancer::Holder* holder = holders.front()) let_go_of(Session::of(*holder));
}

void DrainRun::let_go_of_those_of(const balancer::Backend& backend, balancer::Holders& holders) {
  balancer::Holder* holder = holders.front();
  while (holder != nullptr) {
    balancer::Holder* next = holders.after(*holder);
    Session& session = Session::of(*holder);
    if (session.is_on(backend)) let_go_of(session);
    holder = next;
  }
}

DrainRun::Census DrainRun::count(Worker& worker, const migration::Drain& drain) {
  Census census;
  const auto& backends = drain.order().backends;
  const auto count_in = [&](balancer::Holders& holders, const auto& is_meant) {
    for (auto* holder = holders.front(); holder != nullptr; holder = holders.after(*holder)) {
      const Session& session = Session::of(*holder);
      if (!is_meant(session)) continue;
      if (drain.rebalances()) {
        const auto way = way_of(drain, session);
        if (way) ++(*way == Mode::kHandoff ? census.handed_off : census.notified);
        continue;
      }
      ++(may_hand_off(drain, session) ? census.handed_off
         : may_notify(drain, session) ? census.notified
                                      : census.closed);
    }
  };
  for (const auto& backend : backends) count_in(backend->holders(worker.index()), [](const Session&) { return true; });
  // Those of a plan that goes on: this one would replace it, and tell them anew.
  const auto is_meant = [&](const Session& session) {
    return std::ranges::any_of(backends, [&](const auto& backend) { return session.is_on(*backend); });
  };
  for (const auto& run : worker.runs()) {
    for (auto* holders : {&run->notified_, &run->waiting_, &run->moving_, &run->not_moved_, &run->not_now_}) {
      count_in(*holders, is_meant);
    }
  }
  return census;
}

}  // namespace drover::proxy
