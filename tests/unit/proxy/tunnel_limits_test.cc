// What a tunnel copies of its pool's settings is what the settings say, also at the ends of their ranges.
#include <doctest/doctest.h>

#include "proxy/tunnel.h"

namespace drover::proxy {
namespace {

TEST_CASE("a tunnel's limits are its pool's") {
  config::Pool pool;
  pool.limits.max_message_size = 5;
  pool.slow_client.max_queued = 1024 * 1024;
  pool.timeouts.idle = Milliseconds(1'500);
  pool.timeouts.close = Milliseconds(700);
  websocket::UpgradeAnswer answer;
  answer.permessage_deflate = true;
  const auto limits = tunnel_limits(pool, answer);
  CHECK(limits.scan.max_message_size == 5);
  CHECK(limits.scan.permessage_deflate);
  CHECK(limits.max_queued == 1024 * 1024);
  CHECK(limits.idle == Milliseconds(1'500));
  CHECK(limits.close == Milliseconds(700));
}

TEST_CASE("the longest durations of a configuration, 365 days, do not wrap round") {
  constexpr std::chrono::days kLongest(365);
  config::Pool pool;
  pool.timeouts.idle = kLongest;
  pool.timeouts.close = kLongest;
  const auto limits = tunnel_limits(pool, {});
  CHECK(limits.idle == kLongest);
  CHECK(limits.close > std::chrono::days(49));
}

TEST_CASE("the largest queue of a configuration fits") {
  config::Pool pool;
  pool.slow_client.max_queued = 1024ULL * 1024 * 1024;
  CHECK(tunnel_limits(pool, {}).max_queued == 1024ULL * 1024 * 1024);
}

}  // namespace
}  // namespace drover::proxy
