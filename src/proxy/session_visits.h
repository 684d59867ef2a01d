// Visits the sessions of a worker a few at a turn of its loop, so that a long list holds up no traffic.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/walkable_list.h"
#include "net/loop.h"
#include "proxy/session.h"

namespace drover::proxy {

class SessionVisits final : public std::enable_shared_from_this<SessionVisits> {
 public:
  // Whether the walk goes on behind this one.
  enum class Next : std::uint8_t { kGoOn, kStop };
  using Visit = std::function<Next(Session&)>;

  // Each session from number `from` on is visited, in order, until `visit` says stop; then `done` is called. Both on
  // the loop's thread, which is the sessions' too; neither where the loop ends before. The first visits come at once.
  static void begin(net::Loop& loop, WalkableList<Session>& sessions, std::uint64_t from, Visit visit,
                    std::function<void()> done);

  SessionVisits(net::Loop& loop, WalkableList<Session>& sessions, std::uint64_t from, Visit visit,
                std::function<void()> done);

 private:
  void go_on();

  net::Loop& loop_;
  WalkableList<Session>::Walk walk_;
  const std::uint64_t from_;
  const Visit visit_;
  const std::function<void()> done_;
};

}  // namespace drover::proxy
