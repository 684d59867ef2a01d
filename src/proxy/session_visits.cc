// A turn's work is bounded by what it costs: a visit makes a dozen texts, a session that is passed over a cache miss.
#include "proxy/session_visits.h"

#include <utility>

namespace drover::proxy {

namespace {

constexpr unsigned kWorkATurn = 256;
constexpr unsigned kVisitWork = 8;
constexpr unsigned kPassingWork = 1;

}  // namespace

SessionVisits::SessionVisits(net::Loop& loop, WalkableList<Session>& sessions, std::uint64_t from, Visit visit,
                             std::function<void()> done)
    : loop_(loop), walk_(sessions), from_(from), visit_(std::move(visit)), done_(std::move(done)) {}

void SessionVisits::begin(net::Loop& loop, WalkableList<Session>& sessions, std::uint64_t from, Visit visit,
                          std::function<void()> done) {
  std::make_shared<SessionVisits>(loop, sessions, from, std::move(visit), std::move(done))->go_on();
}

void SessionVisits::go_on() {
  unsigned work = 0;
  while (!walk_.at_end()) {
    if (work >= kWorkATurn) return loop_.post([self = shared_from_this()] { self->go_on(); });
    Session& session = walk_.step();
    work += session.number() < from_ ? kPassingWork : kVisitWork;
    if (session.number() >= from_ && visit_(session) == Next::kStop) break;
  }
  done_();
}

}  // namespace drover::proxy
