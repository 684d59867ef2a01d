// A connection that fails to open ends every probe in the same way.
#include "health/connected_probe.h"

#include <utility>

namespace drover::health {

void ConnectedProbe::start(const net::Address& address, const net::TlsTarget* tls, Done done) {
  done_ = std::move(done);
  restart_clock();
  connection_ = Connection::open(loop_, address, tls, *this);
}

std::chrono::microseconds ConnectedProbe::elapsed() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
}

void ConnectedProbe::say(ProbeResult result) {
  const Done done = std::move(done_);  // outlives the probe that it may destroy
  done(std::move(result));
}

void ConnectedProbe::on_unreachable(const Error& error) noexcept {
  hang_up();
  say({.verdict = std::unexpected(error), .round_trip = {}, .report = {}});
}

Error bad_answer(std::string detail) {
  return {Code::kBadGateway, Side::kBackend, std::move(detail)};
}

Error ended_before(net::ReadEnd end, const std::string& what) {
  return bad_answer((end == net::ReadEnd::kReset || end == net::ReadEnd::kBroken ? "reset" : "ended") +
                    (" the connection before " + what));
}

}  // namespace drover::health
