// The admin server and the one for probes, which a reload may move to other addresses: the new ones listen first, and
// the old ones live until their connections are done. One thread, the supervisor's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/server.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "net/loop.h"

namespace drover::app {

class AdminServers final : private net::TimerWheel::Node {
 public:
  // How long connections of a server that has been replaced may take.
  static constexpr Milliseconds kFarewell{10'000};

  // `source` is called for as long as the servers are there. The loop outlives them.
  AdminServers(net::Loop& loop, admin::Source source) : loop_(loop), source_(std::move(source)) {}
  ~AdminServers();
  AdminServers(const AdminServers&) = delete;
  AdminServers& operator=(const AdminServers&) = delete;

  // What may fail of a change: new servers, which listen. Where it is dropped they are gone again.
  struct Plan {
    config::Admin admin;
    config::Probes probes;
    std::optional<std::unique_ptr<admin::Server>> new_admin;  // none: the bind is the same; null: it is empty
    std::optional<std::unique_ptr<admin::Server>> new_probes;
    struct Listening {
      std::string_view event;
      std::string address;
    };
    std::vector<Listening> listening;  // for the log
  };
  // Error: kAddress. Blocks where a bind is a name.
  Result<Plan> plan(const config::Config& config);
  void adopt(Plan plan);
  // Ends them all.
  void stop();

 private:
  void on_deadline() noexcept override;
  Result<std::unique_ptr<admin::Server>> serve(const std::optional<config::Endpoint>& bind, std::string_view key,
                                               std::string_view event, const admin::Access& access, Plan& plan);
  bool holds_port(std::uint16_t port) const;
  void replace(std::unique_ptr<admin::Server>& server, std::unique_ptr<admin::Server> next);

  struct Leaving {
    std::unique_ptr<admin::Server> server;
    bool is_admin = false;
    MonotonicTime until;
  };

  net::Loop& loop_;
  const admin::Source source_;
  // Of what is in force; none before the first adopt().
  std::optional<config::Admin> admin_settings_;
  std::optional<config::Probes> probes_settings_;
  std::unique_ptr<admin::Server> admin_;
  std::unique_ptr<admin::Server> probes_;  // of its own: a crowd there keeps nobody out of the other
  std::vector<Leaving> leaving_;
};

}  // namespace drover::app
