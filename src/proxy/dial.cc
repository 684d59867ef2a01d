// What every dial of a backend has in common.
#include "proxy/dial.h"

#include <array>

#include "balancer/load_report.h"
#include "base/random.h"
#include "proxy/worker.h"

namespace drover::proxy {

Result<void> dial(net::Transport& transport, net::ByteStream::Handler& handler, const balancer::Backend& backend,
                  const balancer::Pool& pool, const WorkerSnapshot& snapshot) {
  const auto address = net::Address::from_literal(backend.address().host, backend.address().port);
  if (!address) return std::unexpected(address.error());
  const auto* const tls = pool.tls_of(backend);
  if (tls == nullptr) return transport.connect(*address, handler, nullptr);
  const auto context = snapshot.dialler().context_for({tls->verify, tls->ca, tls->crl});
  if (!context) return std::unexpected(context.error());
  const net::TlsTarget target{**context, tls->server_name};
  return transport.connect(*address, handler, &target);
}

void note_answer(balancer::Backend& backend, const http::ResponseHead& head, std::chrono::steady_clock::duration taken,
                 MonotonicTime now) {
  if (head.status() < 500) {
    backend.load().latency.add(std::chrono::duration_cast<std::chrono::microseconds>(taken), now);
  }
  const auto load = head.find(http::HeaderName::kEndpointLoadMetrics);
  if (!load) return;
  auto report = balancer::parse_orca(*load);
  if (!report) report.emplace().ignored = 1;
  backend.take_report(*report, now);
}

void blame(const std::shared_ptr<balancer::Backend>& backend, unsigned most, const Worker& worker) {
  const auto in_a_row = backend->note_failure();
  if (most > 0 && in_a_row % most == 0) worker.report_failing(backend);
}

std::string fresh_handoff_key() {
  std::array<std::uint8_t, 16> key{};
  fill_random(key);
  return to_hex(key);
}

}  // namespace drover::proxy
