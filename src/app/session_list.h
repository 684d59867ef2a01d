// Sessions of all workers, for the admin server: asked of one worker after the other, since each knows only its own.
// The supervisor's thread; every `done` comes later, from its loop, unless a worker ends before it has answered.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/workers.h"
#include "net/loop.h"
#include "proxy/session_view.h"

namespace drover::app {

class SessionList {
 public:
  // Both outlive it, and what is asked. The loop is the supervisor's.
  SessionList(net::Loop& loop, Workers& workers) : loop_(loop), workers_(workers) {}

  // In the order of workers, and of their sessions' beginnings. A cursor that is no session's id begins nowhere: the
  // page is empty, and the last.
  void list(const proxy::SessionQuery& query, std::function<void(proxy::SessionPage)> done);
  // None: there is no such session.
  void find(const std::string& id, std::function<void(std::optional<proxy::SessionView>)> done);
  // Closes it, see Session::close_for_operator(). False: there is no such session.
  void close(const std::string& id, std::function<void(bool found)> done);

 private:
  struct Listing;
  void ask_next(const std::shared_ptr<Listing>& listing);
  void visit_one(const std::string& id, std::function<void(proxy::Session&)> visit, std::function<void()> done);

  net::Loop& loop_;
  Workers& workers_;
};

}  // namespace drover::app
