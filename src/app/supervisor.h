// The main thread of a serving Drover: brings everything up, then waits on its own loop for signals and admin
// requests, and takes everything down in order.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "admin/server.h"
#include "app/certificate_watch.h"
#include "app/drains.h"
#include "app/exit_code.h"
#include "app/fleet.h"
#include "app/session_list.h"
#include "app/tls_material.h"
#include "app/workers.h"
#include "base/error.h"
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
  const net::Address& address() const { return listening_.front(); }
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
  Result<void> serve_admin();
  admin::Source admin_source();
  admin::Status status() const;
  admin::Measures measures();

  void on_signal(int signal);
  void begin_shutdown(std::string_view cause);
  void begin_drain();
  void on_deadline() noexcept override;
  void force(int signal);
  void end(ExitCode code);
  void take_down();

  const config::Config config_;
  const std::string config_hash_;
  const TlsMaterial tls_;
  const MonotonicTime started_ = monotonic_now();
  const std::chrono::system_clock::time_point started_by_wall_clock_ = std::chrono::system_clock::now();
  Phase phase_ = Phase::kStarting;
  ExitCode exit_code_ = ExitCode::kOk;
  std::uint64_t forced_sessions_ = 0;
  std::uint64_t descriptors_ = 0;  // as many may be open
  MonotonicTime stopping_since_;
  bool last_reload_successful_ = true;  // that at start-up was

  net::Loop loop_;  // outlives all that stands on it or posts to it
  std::unique_ptr<proxy::Admission> admission_;
  std::unique_ptr<Fleet> fleet_;
  std::vector<net::Address> listening_;
  std::unique_ptr<Workers> workers_;
  std::optional<SessionList> sessions_;
  std::optional<Drains> drains_;
  std::optional<CertificateWatch> certificates_;
  std::unique_ptr<admin::Server> admin_;
  std::unique_ptr<admin::Server> probes_;  // of its own: a crowd there keeps nobody out of the other
  std::unique_ptr<net::Signals> signals_;
};

}  // namespace drover::app
