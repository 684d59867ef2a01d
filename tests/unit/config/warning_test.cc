// Settings that are legal and dangerous: the file loads, and the operator is told.
#include <doctest/doctest.h>

#include <string>

#include "loading.h"

namespace drover::config {
namespace {

std::string warning(const std::string& lines) {
  const Loaded loaded = load(kBase + lines + "\n");
  REQUIRE_MESSAGE(loaded.config.has_value(), loaded.diagnostics.text());
  return loaded.diagnostics.text();
}

std::string routes(const std::string& first, const std::string& second) {
  return warning("routes: [{match: {" + first + "}, pool: default}, {match: {" + second + "}, pool: default}]");
}

}  // namespace

TEST_CASE("what is usual is not warned of") {
  CHECK(warning("").empty());
  CHECK(warning("workers: 1\nattempts: 9\ntimeouts: {idle: 0}\nslow_client: {max_queued: 16MiB}").empty());
  CHECK(warning("timeouts: {stalled_write: 1s}\nping: {clients: 1s, backends: 20ms, timeout: 1s}").empty());
  CHECK(warning("trusted_proxies: [10.0.0.0/8, 192.168.1.1, '::1']").empty());
}

TEST_CASE("dangerous numbers") {
  CHECK(warning("workers: 1024").starts_with("t:3:10: warning: 'workers' is 1024, more than the "));
  CHECK(
      warning("slow_client: {max_queued: 17MiB}").starts_with("t:3:27: warning: 'slow_client.max_queued': every slow"));
}

TEST_CASE("clients that vanish are noticed by pings or by the idle timeout") {
  CHECK(warning("ping: {clients: 0s}") ==
        "t:3:17: warning: 'ping.clients' at 0 without 'timeouts.idle': clients that vanish hold their connections "
        "until TCP gives them up, which takes minutes\n");
  CHECK(warning("ping: {clients: 0}\ntimeouts: {idle: 10m}").empty());
  CHECK(warning("timeouts: {idle: 0}").empty());
}

TEST_CASE("timeouts that a healthy network exceeds") {
  CHECK(warning("ping: {clients: 999ms}") ==
        "t:3:17: warning: 'ping.clients' at '999ms': every silent client is pinged that often\n");
  CHECK(warning("ping: {timeout: 999ms}") ==
        "t:3:17: warning: 'ping.timeout' at '999ms' ends sessions whose network merely pauses; below 1s that is "
        "common\n");
  CHECK(warning("timeouts: {idle: 1m}\nping: {clients: 0, backends: 100ms, timeout: 100ms}").empty());
  CHECK(warning("timeouts: {stalled_write: 30ms}").starts_with("t:3:27: warning: 'timeouts.stalled_write' at '30ms' "));
}

TEST_CASE("trusting everyone") {
  CHECK(warning("trusted_proxies: [0.0.0.0/0]") ==
        "t:3:19: warning: 'trusted_proxies[0]' at '0.0.0.0/0' trusts every client to name its own address\n");
  CHECK(warning("trusted_proxies: ['::/0']").find("trusts every client") != std::string::npos);
  CHECK(warning("trusted_proxies: [10.1.0.0/8]").find("has bits set behind its prefix") != std::string::npos);
}

TEST_CASE("a route behind one that takes everything is never reached") {
  CHECK(routes("", "path: /a") ==
        "t:3:38: warning: 'routes[1]' is never reached: 'routes[0]' takes all that it matches\n");
  CHECK_FALSE(routes("path: /a", "path: /a/b").empty());
  CHECK_FALSE(routes("path: /", "path: /a").empty());
  CHECK_FALSE(routes("path: /a/", "path: /a/b").empty());
  CHECK_FALSE(routes("host: a.b", "host: 'A.B:80', path: /x").empty());
  CHECK_FALSE(routes("path: /a", "path: /a, websocket: true").empty());
  CHECK(routes("path: /a", "path: /ab").empty());
  CHECK(routes("path: /a/b", "path: /a").empty());
  CHECK(routes("host: a.b", "path: /x").empty());
  CHECK(routes("websocket: true", "path: /x").empty());
  CHECK(routes("websocket: true, path: /x", "websocket: false, path: /x").empty());
}

TEST_CASE("a pool that no route leads to") {
  CHECK(warning("pools: {spare: {backends: ['b:1']}}\nroutes: [{pool: default}]") ==
        "t:3:16: warning: no route leads to the pool 'spare'\n");
  CHECK(warning("pools: {chat: {backends: ['b:1']}}\nroutes: [{pool: chat}]") ==
        "t:2:11: warning: no route leads to the pool 'default'\n");
}

}  // namespace drover::config
