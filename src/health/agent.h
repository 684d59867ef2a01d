// Asks a backend's agent: connects to its port, reads one line, and says so once. As health/probe.h in all else.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "health/agent_line.h"
#include "net/address.h"
#include "net/loop.h"

namespace drover::health {

class AgentQuery {
 public:
  using Done = std::function<void(Result<AgentReport>)>;

  virtual ~AgentQuery() = default;  // as Probe's
  // Once; `done` as Probe::start()'s. Errors as of the connection and of parse_agent_line(); the end of the connection
  // ends a line too.
  virtual void start(const net::Address& address, Done done) = 0;
};

std::unique_ptr<AgentQuery> make_agent_query(net::Loop& loop);

}  // namespace drover::health
