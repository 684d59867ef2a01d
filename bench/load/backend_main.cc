// drover-bench-backend: an echo server on one thread, on any number of addresses. With --handoffs it says at its end
// which sessions it has got from other backends, as a line of JSON.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>

#include "bench/load/echo_server.h"
#include "bench/load/listening.h"
#include "net/signals.h"

int main(int argc, char** argv) try {
  CLI::App parser("An echo server for benchmarks; on the path /fanout every message goes to everybody there");
  std::vector<std::string> addresses;
  parser.add_option("--listen", addresses, "HOST:PORT, numeric; port 0 is any")->required();
  bool handoffs = false;
  parser.add_flag("--handoffs", handoffs, "Takes part in handoffs, where they are offered");
  try {
    parser.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return parser.exit(problem) == 0 ? 0 : 2;
  }

  drover::net::Loop loop;
  using Handoffs = drover::bench::EchoServer::Handoffs;
  drover::bench::EchoServer server(loop, handoffs ? Handoffs::kWhereOffered : Handoffs::kNever);
  const drover::net::Signals signals(loop, {SIGTERM, SIGINT}, [&](int) {
    server.stop();
    loop.stop();
  });
  for (const std::string& text : addresses) {
    const auto address = drover::bench::parse_address(text);
    if (!address) drover::bench::die(address.error().detail);
    const auto listening = server.listen(*address);
    if (!listening) drover::bench::die(listening.error().detail);
    drover::bench::say_listening(*listening);
  }
  loop.run();
  if (!handoffs) return 0;
  const auto& entered = server.entered();
  std::puts(
      nlohmann::json{{"count", entered.count}, {"last_us", entered.last_at / 1000}, {"stateless", entered.stateless}}
          .dump()
          .c_str());
} catch (const std::exception& problem) {
  drover::bench::die(problem.what());
}
