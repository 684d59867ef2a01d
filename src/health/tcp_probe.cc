// A backend that takes a connection, and is who it should be where it has TLS, is up.
#include "health/connected_probe.h"

namespace drover::health {

namespace {

class TcpProbe final : public ConnectedProbe {
 public:
  using ConnectedProbe::ConnectedProbe;

 private:
  void on_open() noexcept override {
    const auto took = elapsed();
    hang_up();
    say({.verdict = {}, .round_trip = took, .report = {}});
  }
  void on_bytes(Bytes) noexcept override {}
  void on_end(net::ReadEnd) noexcept override {}
};

}  // namespace

std::unique_ptr<Probe> make_tcp_probe(net::Loop& loop) {
  return std::make_unique<TcpProbe>(loop);
}

}  // namespace drover::health
