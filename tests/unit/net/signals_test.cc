// Signals as events of a loop.
#include "net/signals.h"

#include <doctest/doctest.h>

#include <csignal>
#include <memory>

using namespace drover;

namespace {

bool has_default_effect(int signal) {
  struct sigaction action{};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_DFL;
}

}  // namespace

TEST_CASE("each signal is told on the loop, in order, and none that was not asked for") {
  net::Loop loop;
  std::vector<int> seen;
  const net::Signals signals(loop, {SIGHUP, SIGUSR1, SIGTERM}, [&](int signal) {
    seen.push_back(signal);
    if (signal == SIGTERM) loop.stop();
  });
  for (const int signal : {SIGUSR1, SIGHUP, SIGUSR1, SIGTERM}) ::raise(signal);
  loop.run();
  CHECK(seen == std::vector{SIGUSR1, SIGHUP, SIGUSR1, SIGTERM});
  CHECK(has_default_effect(SIGUSR2));
}

TEST_CASE("the callback may end it, and signals have their default effect again") {
  net::Loop loop;
  auto signals = std::unique_ptr<net::Signals>();
  int calls = 0;
  signals = std::make_unique<net::Signals>(loop, std::initializer_list{SIGUSR1, SIGUSR2}, [&](int) {
    ++calls;
    signals.reset();
    loop.stop();
  });
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);  // arrives with the first, and finds no owner
  loop.run();
  CHECK(calls == 1);
  CHECK(has_default_effect(SIGUSR1));
  CHECK(has_default_effect(SIGUSR2));
}

TEST_CASE("a signal has its usual name") {
  CHECK(net::signal_name(SIGTERM) == "SIGTERM");
  CHECK(net::signal_name(SIGUSR1) == "SIGUSR1");
  CHECK(net::signal_name(0) == "signal 0");
  CHECK(net::signal_name(4711) == "signal 4711");
}
