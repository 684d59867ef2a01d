// A small YAML text: the demo runs on nothing that a file could not say.
#include "app/demo_config.h"

#include <cstdint>
#include <string_view>

#include "app/listening.h"
#include "config/load.h"

namespace drover::app {

namespace {

constexpr const char* kHost = "127.0.0.1";  // everybody who comes may kill a backend
constexpr std::uint16_t kFirstPort = 8080;
constexpr std::uint16_t kLastPort = 8099;

Result<std::uint16_t> free_port() {
  for (std::uint16_t port = kFirstPort; port <= kLastPort; ++port) {
    const std::string text = kHost + (":" + std::to_string(port));
    if (listening_addresses({.host = kHost, .port = port, .text = text}, "--demo")) return port;
  }
  return fail(Code::kAddress, Side::kDrover,
              "no port from " + std::to_string(kFirstPort) + " to " + std::to_string(kLastPort) +
                  " is free; write a configuration with another one and start with -c FILE");
}

// Who comes second gets the other backend. And nobody wants to wait here: not for the turn of a session that is to be
// moved, nor for a backend that is back.
constexpr std::string_view kSettings =
    "policy: least_connections\n"
    "migration: {rescue: true, cooldown: 0s, pace: 1000/s}\n"
    "health_check: {interval: 1s, rise: 1}\n";

std::string admin_bind() {
  const auto usual = config::Admin().bind;
  return usual && listening_addresses(*usual, "admin.bind") ? usual->text : "";
}

}  // namespace

Result<config::Config> demo_config(const std::vector<net::Address>& backends) {
  const auto port = free_port();
  if (!port) return std::unexpected(port.error());
  std::string yaml = std::string("listen: \"") + kHost + ":" + std::to_string(*port) + "\"\n";
  yaml += "admin: {bind: \"" + admin_bind() + "\"}\n";
  yaml += kSettings;
  yaml += "backends:\n";
  for (std::size_t index = 0; index < backends.size(); ++index) {
    yaml += "  - {name: demo-" + std::to_string(index + 1) + ", address: \"" + backends[index].text() + "\"}\n";
  }
  auto loaded = config::load_text(yaml, "the demo's configuration");
  if (!loaded.config) return fail(Code::kConfiguration, Side::kDrover, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

std::string demo_greeting(const net::Address& listening) {
  const std::string place = "127.0.0.1:" + std::to_string(listening.port()) + "/";
  const std::string url = "ws://" + place;
  return "\nDrover listens on " + listening.text() + ", with two backends behind it.\n" + "Open http://" + place +
         " in a browser to move a live connection from one to the other and back.\n" +
         "Or connect from another terminal with what you have:\n\n"
         "    /usr/bin/python3 -m websockets " +
         url + "    # Debian: python3-websockets\n" + "    websocat " + url + "\n" +
         R"(    node -e 's = new WebSocket(")" + url + R"("); s.onopen = () => s.send("whoami");)" +
         " s.onmessage = (m) => console.log(m.data)'    # node 22\n\n" +
         "and type whoami: the backend that has you says its name, and what reached it. Everything else is echoed.\n"
         "Ctrl-C ends it.\n\n";
}

}  // namespace drover::app
