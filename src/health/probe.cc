// Which probe a configuration asks for.
#include "health/probe.h"

namespace drover::health {

std::unique_ptr<Probe> make_probe(net::Loop& loop, const config::HealthCheck& settings, const std::string& host) {
  switch (settings.type) {
    case config::HealthCheck::Type::kHttp: return make_http_probe(loop, settings, host);
    case config::HealthCheck::Type::kWebSocket: return make_websocket_probe(loop, settings, host);
    case config::HealthCheck::Type::kTcp: break;
  }
  return make_tcp_probe(loop);
}

}  // namespace drover::health
