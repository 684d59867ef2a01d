// Where the admin server asks, and whom it tells to act. The supervisor answers: the admin folder looks into no worker
// itself. Called on the admin server's loop, and none of these waits: what workers have to be asked comes later,
// through `done`, on the same loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/status.h"
#include "balancer/pool.h"
#include "base/histogram.h"
#include "net/tls_counts.h"
#include "observe/counters.h"
#include "observe/ledger.h"
#include "proxy/session_view.h"

namespace drover::admin {

using Pools = std::vector<std::shared_ptr<const balancer::Pool>>;

// What is counted, for /metrics. The references outlive the call.
struct Measures {
  struct Worker {
    const observe::Counters& counters;
    const Histogram& lag;  // of its loop
    const net::TlsCounts& tls;
  };
  const observe::Ledger& ledger;
  std::vector<Worker> workers;  // by their index
  std::string config_hash;      // of the configuration in force, without its secrets
  bool last_reload_successful = true;
};

struct Source {
  std::function<Status()> status;
  std::function<Pools()> pools;  // those in force; they are immutable, their backends are not
  std::function<Measures()> measures;
  std::function<std::string()> config;  // the effective configuration as JSON, without secrets
  std::function<void(const proxy::SessionQuery&, std::function<void(proxy::SessionPage)> done)> list_sessions;
  // None: there is no such session.
  std::function<void(const std::string& id, std::function<void(std::optional<proxy::SessionView>)> done)> find_session;
  // Closes it with 1001. False: there is no such session.
  std::function<void(const std::string& id, std::function<void(bool found)> done)> close_session;
  std::function<void()> shut_down;  // as SIGTERM; nothing where that has begun
};

}  // namespace drover::admin
