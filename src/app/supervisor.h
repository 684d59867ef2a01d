// The main thread of a serving Drover: brings everything up, then waits on its own loop for signals and admin
// requests, changes the configuration where it is told to, and takes everything down in order.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admin/source.h"
#include "app/admin_servers.h"
#include "app/certificate_watch.h"
#include "app/drains.h"
#include "app/exit_code.h"
#include "app/fleet.h"
#include "app/listeners.h"
#include "app/rebalancing.h"
#include "app/reload_candidate.h"
#include "app/session_list.h"
#include "app/tls_material.h"
#include "app/workers.h"
#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "net/loop.h"
#include "net/signals.h"
#include "proxy/admission.h"

namespace drover::app {

class Supervisor final : private net::TimerWheel::Node {
 public:
  // The log is open for as long as the supervisor is there.
  explicit Supervisor(Setup setup);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Once. Drover accepts connections when this returns without an error. Errors: kAddress, kConfiguration; they say
  // what to do.
  Result<void> start();
  // After start(): the address of the first listener.
  net::Address address() const { return listeners_->addresses().front(); }
  // Any thread, after start() and as long as the supervisor is there: runs `task` soon, on the supervisor's thread,
  // with all that the admin port asks. Dropped once run() has returned.
  void ask(std::function<void(const admin::Source& source)> task);
  // After start(): returns when a signal has ended it all: kOk, or kForced where a second one cut the shutdown short.
  ExitCode run();

 private:
  enum class Phase : std::uint8_t {
    kStarting,
    kServing,
    kAnnouncing,  // not ready any more, but still accepting
    kDraining,
    kEnding,  // run() returns
  };

  Result<void> listen(unsigned workers);
  void set_limits(const proxy::DescriptorBudget& budget, std::uint32_t connections);
  admin::Source admin_source();
  admin::Status status() const;
  admin::Measures measures();
  void tell_systemd_that_it_serves() const;

  // What a reload needs, once nothing of it can fail any more.
  struct Change {
    Setup setup;
    proxy::DescriptorBudget budget;
    std::uint32_t max_connections = 0;
    Listeners::Plan listeners;
    AdminServers::Plan admin;
    std::unique_ptr<health::Resolver> resolver;
    log::PreparedChange log;
  };
  // Reads the configuration file and goes by it, or leaves everything as it is. Blocks on the disk. `cause`: for the
  // log, "SIGHUP".
  admin::Source::Reloaded reload(std::string_view cause);
  void reload_soon();
  admin::Source::Reloaded try_reload();
  Result<Change> prepare(Setup setup);
  void commit(Change change);

  void on_signal(int signal);
  void begin_shutdown(std::string_view cause);
  void begin_drain();
  void on_deadline() noexcept override;
  void force(int signal);
  void end(ExitCode code);
  void take_down();

  const config::Config& config() const { return in_force_.config; }

  Setup in_force_;
  std::string config_hash_;
  const MonotonicTime started_ = monotonic_now();
  const std::chrono::system_clock::time_point started_by_wall_clock_ = std::chrono::system_clock::now();
  Phase phase_ = Phase::kStarting;
  ExitCode exit_code_ = ExitCode::kOk;
  std::uint64_t forced_sessions_ = 0;
  std::uint64_t descriptors_ = 0;  // as many may be open
  MonotonicTime stopping_since_;
  bool last_reload_successful_ = true;  // that at start-up was
  bool reload_pending_ = false;         // by a signal

  net::Loop loop_;  // outlives all that stands on it or posts to it
  std::unique_ptr<proxy::Admission> admission_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<Workers> workers_;
  std::optional<Listeners> listeners_;
  std::optional<SessionList> sessions_;
  std::optional<Drains> drains_;
  std::optional<Rebalancing> rebalancing_;
  std::optional<CertificateWatch> certificates_;
  std::optional<AdminServers> admin_;
  std::unique_ptr<net::Signals> signals_;
};

}  // namespace drover::app
