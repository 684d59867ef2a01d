// One look at a backend: connects, asks, judges, and says so once. A probe object serves one look; the caller's
// timer bounds it. One thread, the loop's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "balancer/load_report.h"
#include "base/error.h"
#include "config/config.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/transport.h"

namespace drover::health {

struct ProbeResult {
  // An error with Side::kDrover (no descriptors, no memory, no port) says nothing of the backend.
  Result<void> verdict;
  // From the request to its answer; for tcp, how long the connection took, TLS included. None where it did not come to
  // that.
  std::optional<std::chrono::microseconds> round_trip;
  std::optional<balancer::LoadReport> report;  // http: of the body; http and websocket: of the ORCA header
};

class Probe {
 public:
  using Done = std::function<void(ProbeResult)>;

  // Cuts what is under way, without a word. Its sockets are closed at once; what still has to be freed is freed on the
  // loop at the end of the turn, which must come before the loop goes.
  virtual ~Probe() = default;
  // Once. `done` is called once, from the loop and never from within start(); it may destroy the probe.
  // `tls` null: plain; it need not outlive the call.
  virtual void start(const net::Address& address, const net::TlsTarget* tls, Done done) = 0;
};

// `host`: of the backend's address, for the Host header where health_check.host is empty: "10.0.0.7:80".
std::unique_ptr<Probe> make_probe(net::Loop& loop, const config::HealthCheck& settings, const std::string& host);

// One kind each.
std::unique_ptr<Probe> make_tcp_probe(net::Loop& loop);
std::unique_ptr<Probe> make_http_probe(net::Loop& loop, const config::HealthCheck& settings, const std::string& host);
std::unique_ptr<Probe> make_websocket_probe(net::Loop& loop, const config::HealthCheck& settings,
                                            const std::string& host);

}  // namespace drover::health
