// A small YAML text: the demo runs on nothing that a file could not say.
#include "app/demo_config.h"

#include <cstdint>

#include "app/listening.h"
#include "config/load.h"

namespace drover::app {

namespace {

constexpr std::uint16_t kFirstPort = 8080;
constexpr std::uint16_t kLastPort = 8099;

Result<std::uint16_t> free_port() {
  for (std::uint16_t port = kFirstPort; port <= kLastPort; ++port) {
    const std::string text = ":" + std::to_string(port);
    if (listening_addresses({.host = "", .port = port, .text = text}, "--demo")) return port;
  }
  return fail(Code::kAddress, Side::kDrover,
              "no port from " + std::to_string(kFirstPort) + " to " + std::to_string(kLastPort) +
                  " is free; write a configuration with another one and start with -c FILE");
}

std::string admin_bind() {
  const auto usual = config::Admin().bind;
  return usual && listening_addresses(*usual, "admin.bind") ? usual->text : "";
}

}  // namespace

Result<config::Config> demo_config(const std::vector<net::Address>& backends) {
  const auto port = free_port();
  if (!port) return std::unexpected(port.error());
  std::string yaml = "listen: \":" + std::to_string(*port) + "\"\nadmin: {bind: \"" + admin_bind() + "\"}\nbackends:\n";
  for (std::size_t index = 0; index < backends.size(); ++index) {
    yaml += "  - {name: demo-" + std::to_string(index + 1) + ", address: \"" + backends[index].text() + "\"}\n";
  }
  auto loaded = config::load_text(yaml, "the demo's configuration");
  if (!loaded.config) return fail(Code::kConfiguration, Side::kDrover, loaded.diagnostics.text());
  return *std::move(loaded.config);
}

std::string demo_greeting(const net::Address& listening) {
  const std::string url = "ws://127.0.0.1:" + std::to_string(listening.port()) + "/";
  return "\nDrover listens on " + listening.text() + ", with two echo backends behind it.\n" +
         "Connect from another terminal with what you have:\n\n"
         "    /usr/bin/python3 -m websockets " +
         url + "    # Debian: python3-websockets\n" + "    websocat " + url + "\n" +
         R"(    node -e 's = new WebSocket(")" + url + R"("); s.onopen = () => s.send("whoami");)" +
         " s.onmessage = (m) => console.log(m.data)'    # node 22\n\n" +
         "and type whoami: the backend that has you says its name, and what reached it. Everything else is echoed.\n"
         "Ctrl-C ends it.\n\n";
}

}  // namespace drover::app
