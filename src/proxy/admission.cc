// Descriptors: what the kernel gives, and what Drover must keep for itself.
#include "proxy/admission.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace drover::proxy {

DescriptorBudget descriptor_budget(unsigned workers, std::size_t listeners, std::uint64_t checks) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  // Standard streams, logs, admin with some clients, the supervisor's loop, and the connections that are being told
  // 503.
  constexpr std::uint64_t kProcess = 24;
  // A loop's two epoll instances, its eventfd and timerfd, and one descriptor to spare.
  constexpr std::uint64_t kWorker = 5;
  // A session has a third one while it changes its backend, and few do at once.
  constexpr std::uint64_t kMostMoves = 512;
  const std::uint64_t moves = std::min<std::uint64_t>(limit.rlim_cur / 32, kMostMoves);
  return {limit.rlim_cur, kProcess + checks + moves + Admission::kRefusedAtOnce + workers * (kWorker + listeners)};
}

std::uint32_t effective_max_connections(const config::Limits& limits, const DescriptorBudget& budget) {
  const std::uint64_t descriptors = budget.limit > budget.reserve ? (budget.limit - budget.reserve) / 2 : 0;
  const std::uint64_t configured = limits.max_connections == 0 ? UINT32_MAX / 2 : limits.max_connections;
  return static_cast<std::uint32_t>(std::min(configured, descriptors));
}

Result<std::uint32_t> most_connections(const config::Limits& limits, const DescriptorBudget& budget) {
  const auto connections = effective_max_connections(limits, budget);
  if (connections > 0) return connections;
  return fail(Code::kConfiguration, Side::kDrover,
              "the descriptor limit of " + std::to_string(budget.limit) + " leaves none for connections, " +
                  std::to_string(budget.reserve) + " are for Drover itself; raise it (ulimit -n, LimitNOFILE=)");
}

}  // namespace drover::proxy
