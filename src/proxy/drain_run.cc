// A tick does what is due by now. A session is told up to Drain::kAhead before its turn, so turns keep their distance
// whatever the ticks of the workers are.
#include "proxy/drain_run.h"

#include <algorithm>

#include "migration/messages.h"
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

bool may_notify(const migration::Drain& drain, const Session& session) {
  const OptIn* opt_in = session.opt_in();
  if (opt_in == nullptr || drain.order().first_mode == Mode::kClose) return false;
  switch (drain.notify_in(session.pool_name())) {
    case config::Notify::kOff: return false;
    case config::Notify::kOptIn: return opt_in->asked;
    case config::Notify::kAlways: return true;
  }
  return false;
}

}  // namespace

DrainRun::DrainRun(Worker& worker, std::shared_ptr<migration::Drain> drain)
    : worker_(worker), drain_(std::move(drain)), reopened_(drain_->order().backends.size()) {}

DrainRun::~DrainRun() {
  worker_.loop().wheel().disarm(*this);
  for (auto* holders : {&notified_, &to_be_closed_, &closed_, &not_now_}) let_go(*holders);
}

void DrainRun::on_deadline() noexcept {
  if (drain_->over()) return worker_.end_run(*this);  // this is gone
  if (!drain_->held()) {
    let_go(not_now_);
    if (drain_->covers_all()) {
      tell_all();
    } else {
      tell_those_of_backends();
    }
    const MonotonicTime clock = drain_->clock(worker_.loop().now());
    close_due(notified_, clock);
    close_due(to_be_closed_, clock);
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
        for (auto* holders : {&notified_, &to_be_closed_}) let_go_of_those_of(backend, *holders);
      }
      reopened_[index] = true;
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
  const auto turn = drain_->take_turn(clock);
  if (!turn) return Outcome::kNoTurn;
  if (*turn <= drain_->last_turn() && may_notify(*drain_, session) && notify(session, *turn, clock)) {
    give_notice(session, Notice::Stage::kNotified, *turn + drain_->order().grace);
  } else {
    give_notice(session, Notice::Stage::kToBeClosed, *turn);
  }
  return Outcome::kTold;
}

// False: nothing can be put into the stream any more.
bool DrainRun::notify(Session& session, MonotonicTime turn, MonotonicTime clock) {
  const auto delay = std::max(turn - clock, Milliseconds(0));
  const auto deadline = delay + drain_->order().grace;
  if (drain_->order().cause == Cause::kShutdown) {
    return session.send_text(migration::text_of(migration::ServerShutdown{
        .message = "the server shuts down; please reconnect", .reconnect_delay = delay, .deadline = deadline}));
  }
  const std::string text = session.migrate_text(drain_->order().endpoint, "drain", delay, deadline);
  return !text.empty() && session.send_text(text);
}

void DrainRun::give_notice(Session& session, Notice::Stage stage, MonotonicTime due) {
  session.set_notice(std::make_unique<Notice>(*this, due, stage));
  (stage == Notice::Stage::kNotified ? notified_ : to_be_closed_).push_back(session.holding());
  drain_->told.fetch_add(1, std::memory_order_relaxed);
  drain_->note_due(due);
}

void DrainRun::close_due(balancer::Holders& told, MonotonicTime clock) {
  while (balancer::Holder* holder = told.front()) {
    Session& session = Session::of(*holder);
    Notice& notice = *session.notice();
    if (notice.due > clock) return;
    closed_.push_back(*holder);
    close(session, notice);
  }
}

void DrainRun::close(Session& session, Notice& notice) {
  const bool notified = notice.stage == Notice::Stage::kNotified;
  notice.stage = Notice::Stage::kClosed;
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
  drain_->told.fetch_sub(1, std::memory_order_relaxed);
  if (notice.stage != Notice::Stage::kNotified) return;
  drain_->moved[static_cast<std::size_t>(Mode::kNotify)].fetch_add(1, std::memory_order_relaxed);
  session.count_move(MoveMode::kNotify, MoveResult::kOk);
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
      if (is_meant(session)) ++(may_notify(drain, session) ? census.notified : census.closed);
    }
  };
  for (const auto& backend : backends) count_in(backend->holders(worker.index()), [](const Session&) { return true; });
  // Those of a plan that goes on: this one would replace it, and tell them anew.
  const auto is_meant = [&](const Session& session) {
    return std::ranges::any_of(backends, [&](const auto& backend) { return session.is_on(*backend); });
  };
  for (const auto& run : worker.runs()) {
    for (auto* holders : {&run->notified_, &run->to_be_closed_, &run->not_now_}) count_in(*holders, is_meant);
  }
  return census;
}

}  // namespace drover::proxy
