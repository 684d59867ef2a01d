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
#include "balancer/backend_state.h"
#include "balancer/pool.h"
#include "base/error.h"
#include "base/histogram.h"
#include "migration/drain_view.h"
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
  // `peer`: who asks, "10.0.0.7:1234", for the log.
  // Sets the state; one that is ready again is not drained any more.
  std::function<void(balancer::Backend& backend, balancer::OperatorState state, const std::string& peer)>
      set_operator_state{};
  // The plan, running or, of a dry run, as it would be. Error: kConfiguration; there is no such pool or backend, or
  // Drover is shutting down.
  std::function<void(const migration::DrainRequest& request, const std::string& peer,
                     std::function<void(Result<migration::DrainView>)> done)>
      drain{};
  std::function<std::vector<migration::DrainView>()> drains{};  // those that go on, and the last that have ended
  // The plan as it is then. None: there is no such plan.
  std::function<std::optional<migration::DrainView>(const std::string& id, const std::string& peer)> cancel_drain{};
  enum class Frozen : std::uint8_t { kNo, kYes };
  std::function<void(Frozen frozen, const std::string& peer)> freeze{};
  std::function<Frozen()> frozen{};
  // As SIGHUP.
  struct Reloaded {
    std::vector<std::string> errors;   // not empty: nothing has changed
    std::vector<std::string> changes;  // empty: the file says what is in force already
    std::vector<std::string> warnings;
  };
  std::function<Reloaded(const std::string& peer)> reload{};
  std::function<void()> shut_down;  // as SIGTERM; nothing where that has begun
};

}  // namespace drover::admin
