// Start-up and its failures, and the exit codes. Each supervisor runs in a process of its own: it takes over signals.
#include "app/supervisor.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <string>

#include "config/load.h"

using namespace drover;
using namespace drover::app;

namespace {

constexpr const char* kSmall = "listen: '127.0.0.1:0'\nadmin: {bind: '127.0.0.1:0'}\nbackends: ['127.0.0.1:9']\n";

Setup setup_of(const std::string& text) {
  const auto loaded = config::load_text(text, "test");
  if (!loaded.config) {
    std::fputs(loaded.diagnostics.text().c_str(), stderr);
    ::_exit(99);
  }
  return {
      .config = *loaded.config, .tls = load_tls(*loaded.config, nullptr).material, .file = "", .ticket_keys = nullptr};
}

struct Outcome {
  int exit_code = -1;
  std::string said;  // by `perform`
};

Outcome in_process(const std::function<int(std::string& said)>& perform) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::fflush(nullptr);  // or the child writes what doctest has buffered
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said;
    const int code = perform(said);
    if (::write(ends[1], said.data(), said.size()) < 0) ::_exit(98);
    ::_exit(code);
  }
  ::close(ends[1]);
  char text[1024];
  const ssize_t size = ::read(ends[0], text, sizeof(text));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, {text, size > 0 ? static_cast<std::size_t>(size) : 0}};
}

// Starts with `text` as the configuration, sends itself `signals`, and runs. A failed start is exit code 1.
Outcome run(const std::string& text, std::initializer_list<int> signals) {
  return in_process([&](std::string& said) {
    Supervisor supervisor(setup_of(text));
    if (auto started = supervisor.start(); !started) {
      said = started.error().detail;
      return 1;
    }
    said = supervisor.address().text();
    for (const int signal : signals) ::raise(signal);
    return static_cast<int>(supervisor.run());
  });
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("one signal ends it with 0, and port 0 has become a real one") {
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    const auto outcome = run(kSmall, {signal});
    CHECK(outcome.exit_code == 0);
    CHECK(contains(outcome.said, "127.0.0.1:"));
    CHECK_FALSE(outcome.said.ends_with(":0"));
  }
}

TEST_CASE("a second signal ends it with 3, during the announcement too") {
  CHECK(run(kSmall, {SIGTERM, SIGTERM}).exit_code == 3);
  CHECK(run(std::string(kSmall) + "shutdown: {announce: 1h}\n", {SIGTERM, SIGINT}).exit_code == 3);
}

TEST_CASE("other signals change nothing") {
  CHECK(run(kSmall, {SIGHUP, SIGUSR1, SIGHUP, SIGTERM}).exit_code == 0);
}

TEST_CASE("several workers listen on the same port") {
  CHECK(run(std::string(kSmall) + "workers: 3\n", {SIGTERM}).exit_code == 0);
}

TEST_CASE("too few descriptors for a single connection say what to raise") {
  const auto outcome = in_process([](std::string& said) {
    const rlimit few{30, 30};
    ::setrlimit(RLIMIT_NOFILE, &few);
    Supervisor supervisor(setup_of(kSmall));
    const auto started = supervisor.start();
    if (started) return 0;
    said = started.error().detail;
    return 1;
  });
  CHECK(outcome.exit_code == 1);
  CHECK(contains(outcome.said, "ulimit -n"));
}

TEST_CASE("a shared port is taken by two, and refused to one that does not share") {
  const auto outcome = in_process([](std::string& said) {
    const std::string rest = ", shared: true}]\nadmin: {bind: ''}\nbackends: ['127.0.0.1:9']\n";
    Supervisor first(setup_of("listeners: [{bind: '127.0.0.1:0'" + rest));
    if (!first.start()) return 2;
    const std::string taken = first.address().text();
    Supervisor second(setup_of("listeners: [{bind: '" + taken + "'" + rest));
    if (!second.start()) return 3;
    Supervisor third(setup_of("listen: '" + taken + "'\nadmin: {bind: ''}\nbackends: ['127.0.0.1:9']\n"));
    const auto refused = third.start();
    if (refused) return 4;
    said = refused.error().detail;
    return second.address().text() == taken ? 0 : 5;
  });
  CHECK(outcome.exit_code == 0);
  CHECK(contains(outcome.said, "another process has it"));
}

TEST_CASE("a port that is taken is named, the listener's and the admin's") {
  const auto outcome = in_process([](std::string& said) {
    Supervisor first(setup_of(kSmall));
    if (!first.start()) return 2;
    const std::string taken = first.address().text();
    Supervisor second(setup_of("listen: '" + taken + "'\nadmin: {bind: ''}\nbackends: ['127.0.0.1:9']\n"));
    Supervisor third(setup_of("listen: '127.0.0.1:0'\nadmin: {bind: '" + taken + "'}\nbackends: ['127.0.0.1:9']\n"));
    const auto listening = second.start();
    const auto administering = third.start();
    if (listening || administering) return 3;
    said = listening.error().detail + "\n" + administering.error().detail;
    return contains(said, taken) ? 1 : 4;
  });
  CHECK(outcome.exit_code == 1);
  CHECK(contains(outcome.said, "a listener's 'bind'"));
  CHECK(contains(outcome.said, "admin.bind"));
}
