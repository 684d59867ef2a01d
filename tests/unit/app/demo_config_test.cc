// The configuration of --demo, and what it prints.
#include "app/demo_config.h"

#include <doctest/doctest.h>

using namespace drover;
using namespace drover::app;

TEST_CASE("the demo's backends are named, behind a port from 8080 on") {
  const auto config = demo_config({*net::Address::from_literal("127.0.0.1", 4001),  //
                                   *net::Address::from_literal("127.0.0.1", 4002)});
  REQUIRE(config.has_value());
  REQUIRE(config->listeners.size() == 1);
  CHECK(config->listeners[0].bind.port >= 8080);
  CHECK(config->listeners[0].bind.port <= 8099);
  CHECK(config->listeners[0].bind.host == "127.0.0.1");  // its page can kill backends
  REQUIRE(config->pools.size() == 1);
  REQUIRE(config->pools[0].backends.size() == 2);
  CHECK(config->pools[0].backends[0].name == "demo-1");
  CHECK(config->pools[0].backends[1].name == "demo-2");
  CHECK(config->pools[0].backends[1].address.port == 4002);
  CHECK(config->pools[0].migration.handoff == config::Handoff::kOptIn);
  CHECK(config->pools[0].migration.rescue);
}

TEST_CASE("the greeting has lines to paste, for the port that it got") {
  const auto text = demo_greeting(*net::Address::from_literal("::", 8083));
  CHECK(text.find("python3 -m websockets ws://127.0.0.1:8083/ ") != std::string::npos);
  CHECK(text.find(" http://127.0.0.1:8083/ ") != std::string::npos);
  CHECK(text.find("whoami") != std::string::npos);
  CHECK(text.find("8080") == std::string::npos);
}
