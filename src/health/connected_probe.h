// What all probes have in common: one connection, a clock, and one word at the end.
#pragma once

#include <chrono>
#include <string>

#include "health/connection.h"
#include "health/probe.h"

namespace drover::health {

class ConnectedProbe : public Probe, protected Connection::Owner {
 public:
  explicit ConnectedProbe(net::Loop& loop) : loop_(loop) {}
  ConnectedProbe(const ConnectedProbe&) = delete;
  ConnectedProbe& operator=(const ConnectedProbe&) = delete;
  void start(const net::Address& address, const net::TlsTarget* tls, Done done) final;

 protected:
  Connection& connection() { return *connection_; }
  void hang_up() { connection_.reset(); }

  // Runs from start() on, and from the last restart.
  void restart_clock() { started_ = std::chrono::steady_clock::now(); }
  std::chrono::microseconds elapsed() const;

  // Comes last in whatever calls it: the probe may be gone afterwards.
  void say(ProbeResult result);

 private:
  void on_unreachable(const Error& error) noexcept final;

  net::Loop& loop_;
  Done done_;
  Connection::Handle connection_;
  std::chrono::steady_clock::time_point started_;
};

// The backend did not answer as it should. One line, no trailing dot.
Error bad_answer(std::string detail);

// How a connection's end reads in a log: "ended the connection before `what`", or "reset …".
Error ended_before(net::ReadEnd end, const std::string& what);

}  // namespace drover::health
