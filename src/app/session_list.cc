// What a worker gathers belongs to its thread until it posts that it is done.
#include "app/session_list.h"

#include <memory>
#include <utility>

#include "proxy/session_id.h"

namespace drover::app {

namespace {

using proxy::SessionView;
using proxy::SessionVisits;

// "1.2.3.4" is every port of it, "1.2.3.4:5" and "[::1]:5" that one.
bool is_client(const proxy::Session& session, const std::string& wanted) {
  return session.peer().ip_text() == wanted || session.peer().text() == wanted;
}

bool matches(const proxy::Session& session, const proxy::SessionQuery& query) {
  return (query.pool.empty() || session.pool_name() == query.pool) &&
         (query.backend.empty() || session.backend_name() == query.backend) &&
         (query.client.empty() || is_client(session, query.client));
}

}  // namespace

struct SessionList::Listing {
  proxy::SessionQuery query;
  std::function<void(proxy::SessionPage)> done;
  unsigned worker = 0;     // the one that is asked
  std::uint64_t from = 0;  // its first session that may be on this page
  proxy::SessionPage page;
  bool full = false;  // there is one more that matches
};

void SessionList::list(const proxy::SessionQuery& query, std::function<void(proxy::SessionPage)> done) {
  auto listing = std::make_shared<Listing>();
  listing->query = query;
  listing->done = std::move(done);
  if (!query.cursor.empty()) {
    const auto behind = proxy::session_id_from(query.cursor);
    listing->worker = behind ? behind->worker : workers_.count();
    listing->from = behind ? behind->number + 1 : 0;
  }
  ask_next(listing);
}

// The page ends only once another session is found that would have been on it: a cursor always leads to something.
void SessionList::ask_next(const std::shared_ptr<Listing>& listing) {
  if (listing->full || listing->worker >= workers_.count()) {
    if (listing->full) listing->page.cursor = listing->page.sessions.back().id;
    return loop_.post([listing] { listing->done(std::move(listing->page)); });
  }
  const auto visit = [listing](proxy::Session& session) {
    if (!matches(session, listing->query)) return SessionVisits::Next::kGoOn;
    listing->full = listing->page.sessions.size() == listing->query.limit;
    if (listing->full) return SessionVisits::Next::kStop;
    listing->page.sessions.push_back(session.view());
    return SessionVisits::Next::kGoOn;
  };
  workers_.worker(listing->worker).visit_sessions(listing->from, visit, [this, listing] {
    loop_.post([this, listing] {
      if (!listing->full) {
        ++listing->worker;
        listing->from = 0;
      }
      ask_next(listing);
    });
  });
}

void SessionList::visit_one(const std::string& id, std::function<void(proxy::Session&)> visit,
                            std::function<void()> done) {
  const auto wanted = proxy::session_id_from(id);
  if (!wanted || wanted->worker >= workers_.count()) return loop_.post(std::move(done));
  const auto visit_first = [number = wanted->number, visit = std::move(visit)](proxy::Session& session) {
    if (session.number() == number) visit(session);
    return SessionVisits::Next::kStop;
  };
  workers_.worker(wanted->worker).visit_sessions(wanted->number, visit_first, [this, done = std::move(done)] {
    loop_.post(done);
  });
}

void SessionList::find(const std::string& id, std::function<void(std::optional<SessionView>)> done) {
  const auto found = std::make_shared<std::optional<SessionView>>();
  visit_one(
      id, [found](proxy::Session& session) { *found = session.view(); },
      [found, done = std::move(done)] { done(std::move(*found)); });
}

void SessionList::close(const std::string& id, std::function<void(bool found)> done) {
  const auto found = std::make_shared<bool>(false);
  visit_one(
      id,
      [found](proxy::Session& session) {
        *found = true;
        session.close_for_operator();
      },
      [found, done = std::move(done)] { done(*found); });
}

}  // namespace drover::app
