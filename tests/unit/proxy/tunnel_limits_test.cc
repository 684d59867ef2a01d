// What a tunnel copies of its pool's settings is what the settings say, also at the ends of their ranges.
#include <doctest/doctest.h>

#include <algorithm>

#include "proxy/tunnel.h"

namespace drover::proxy {
namespace {

TEST_CASE("a tunnel's limits are its pool's") {
  config::Pool pool;
  pool.limits.max_message_size = 5;
  pool.slow_client.max_queued = 1024 * 1024;
  pool.timeouts.idle = Milliseconds(1'500);
  pool.timeouts.close = Milliseconds(700);
  pool.timeouts.stalled_write = Milliseconds(800);
  pool.limits.max_fragments = 7;
  pool.ping = {.clients = Milliseconds(901), .backends = Milliseconds(902), .timeout = Milliseconds(903)};
  websocket::UpgradeAnswer answer;
  answer.permessage_deflate = true;
  const auto limits = tunnel_limits(pool, answer);
  CHECK(limits.scan.max_message_size == 5);
  CHECK(limits.scan.permessage_deflate);
  CHECK(limits.max_queued == 1024 * 1024);
  CHECK(limits.idle == Milliseconds(1'500));
  CHECK(limits.close == Milliseconds(700));
  CHECK(limits.stalled_write == Milliseconds(800));
  CHECK(limits.scan.max_fragments == 7);
  CHECK(limits.ping_client == Milliseconds(901));
  CHECK(limits.ping_backend == Milliseconds(902));
  CHECK(limits.ping_timeout == Milliseconds(903));
}

TEST_CASE("the longest durations of a configuration, 365 days, do not wrap round") {
  constexpr std::chrono::days kLongest(365);
  constexpr Milliseconds kMost(0xffff'ffff);  // 49 days
  config::Pool pool;
  pool.timeouts.idle = kLongest;
  pool.timeouts.close = kLongest;
  pool.timeouts.stalled_write = kLongest;
  pool.ping = {.clients = kLongest, .backends = kLongest, .timeout = kLongest};
  const auto limits = tunnel_limits(pool, {});
  CHECK(limits.idle == kLongest);
  for (const auto span :
       {limits.close, limits.stalled_write, limits.ping_client, limits.ping_backend, limits.ping_timeout}) {
    CHECK(span == kMost);
  }
}

TEST_CASE("durations around the most that fits") {
  constexpr Milliseconds kMost(0xffff'ffff);
  config::Pool pool;
  for (const Milliseconds off : {Milliseconds(-1), Milliseconds(0), Milliseconds(1)}) {
    CAPTURE(off.count());
    pool.timeouts.close = kMost + off;
    CHECK(tunnel_limits(pool, {}).close == std::min(kMost, kMost + off));
  }
}

TEST_CASE("0 stays none") {
  config::Pool pool;
  pool.timeouts.stalled_write = Milliseconds(0);
  pool.ping = {.clients = Milliseconds(0), .backends = Milliseconds(0), .timeout = Milliseconds(0)};
  const auto limits = tunnel_limits(pool, {});
  CHECK(limits.stalled_write.count() == 0);
  CHECK(limits.ping_client.count() == 0);
  CHECK(limits.ping_backend.count() == 0);
}

TEST_CASE("the largest queue of a configuration fits") {
  config::Pool pool;
  pool.slow_client.max_queued = 1024ULL * 1024 * 1024;
  CHECK(tunnel_limits(pool, {}).max_queued == 1024ULL * 1024 * 1024);
}

}  // namespace
}  // namespace drover::proxy
