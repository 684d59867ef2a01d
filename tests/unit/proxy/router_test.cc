// Routes: host, path on segment borders, kind of request, first match.
#include "proxy/router.h"

#include <doctest/doctest.h>

namespace drover::proxy {
namespace {

config::Config with_routes(std::vector<config::Route> routes) {
  config::Config config;
  for (const char* name : {"a", "b", "c"}) {
    config.pools.emplace_back();
    config.pools.back().name = name;
  }
  config.routes = std::move(routes);
  return config;
}

config::Route route(const char* pool, std::optional<std::string> host, std::optional<std::string> path,
                    std::optional<bool> websocket = std::nullopt) {
  config::Route result;
  result.pool = pool;
  result.match = {std::move(host), std::move(path), websocket};
  return result;
}

// The pool's index, or -1.
int pool_for(const Router& router, std::string_view host, std::string_view path,
             RequestKind kind = RequestKind::kWebSocket) {
  const auto* target = router.match(host, path, kind);
  return target == nullptr ? -1 : static_cast<int>(target->pool);
}

TEST_CASE("the first route that matches wins") {
  const Router router(with_routes({route("b", {}, "/ws"), route("a", {}, {})}));
  CHECK(pool_for(router, "x", "/ws") == 1);
  CHECK(pool_for(router, "x", "/other") == 0);
}

TEST_CASE("a path is a prefix on segment borders") {
  const Router router(with_routes({route("a", {}, "/ws"), route("b", {}, "/app/")}));
  CHECK(pool_for(router, "x", "/ws") == 0);
  CHECK(pool_for(router, "x", "/ws/") == 0);
  CHECK(pool_for(router, "x", "/ws/room/7") == 0);
  CHECK(pool_for(router, "x", "/wsx") == -1);
  CHECK(pool_for(router, "x", "/WS") == -1);
  CHECK(pool_for(router, "x", "/app/x") == 1);
  CHECK(pool_for(router, "x", "/app") == -1);
}

TEST_CASE("a host is compared without case, port and trailing dot") {
  const Router router(with_routes({route("a", "chat.example.com", {}), route("b", "[::1]", {})}));
  CHECK(pool_for(router, "chat.example.com", "/") == 0);
  CHECK(pool_for(router, "Chat.Example.COM:8080", "/") == 0);
  CHECK(pool_for(router, "chat.example.com.:80", "/") == 0);
  CHECK(pool_for(router, "evil-chat.example.com", "/") == -1);
  CHECK(pool_for(router, "chat.example.com.evil", "/") == -1);
  CHECK(pool_for(router, "[::1]:8080", "/") == 1);
  CHECK(pool_for(router, "[::1]", "/") == 1);
}

TEST_CASE("a route may ask for WebSockets, or for anything else") {
  const Router router(with_routes({route("a", {}, {}, true), route("b", {}, {}, false)}));
  CHECK(pool_for(router, "x", "/") == 0);
  CHECK(pool_for(router, "x", "/", RequestKind::kOrdinary) == 1);
}

TEST_CASE("strip_prefix takes the matched path off, but not the slash behind it") {
  auto stripped = route("a", {}, "/ws");
  stripped.strip_prefix = true;
  auto with_slash = route("b", {}, "/app/");
  with_slash.strip_prefix = true;
  auto whole = route("c", {}, {});
  whole.strip_prefix = true;
  const Router router(with_routes({stripped, with_slash, whole}));
  CHECK(router.match("x", "/ws/room", RequestKind::kWebSocket)->stripped == 3);
  CHECK(router.match("x", "/app/room", RequestKind::kWebSocket)->stripped == 4);
  CHECK(router.match("x", "/else", RequestKind::kWebSocket)->stripped == 0);
}

}  // namespace
}  // namespace drover::proxy
