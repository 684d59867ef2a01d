// --daemon, with a process of its own in the part of whoever starts Drover.
#include "app/daemon.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>

using drover::app::Daemon;

namespace {

// Everything that is written into a pipe until its last writer is gone.
std::string read_all(int fd) {
  std::string text;
  std::array<char, 256> buffer;
  for (ssize_t size = 0; (size = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(fd);
  return text;
}

struct Outcome {
  int exit_code = -1;   // of the process that was started
  std::string written;  // by the daemon
};

// Runs `daemon` after Daemon::fork() in a process of its own; `pipe` is where it may write.
Outcome start(const std::function<void(Daemon&, int pipe)>& daemon) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::fflush(nullptr);  // or the children write what doctest has buffered
  const pid_t starter = ::fork();
  if (starter == 0) {
    ::close(ends[0]);
    auto background = Daemon::fork();
    if (background) daemon(*background, ends[1]);
    ::_exit(1);
  }
  ::close(ends[1]);
  int status = 0;
  REQUIRE(::waitpid(starter, &status, 0) == starter);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(ends[0])};
}

void write_text(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) ::_exit(1);
}

}  // namespace

TEST_CASE("the starter ends with 0 once the daemon is ready, which goes on") {
  const auto outcome = start([](Daemon& daemon, int pipe) {
    const pid_t starter = ::getppid();
    if (!daemon.ready()) ::_exit(1);
    while (::getppid() == starter) ::sched_yield();  // until the starter is gone
    write_text(pipe, "on");
    ::_exit(0);
  });
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.written == "on");
}

TEST_CASE("the starter passes on the exit code of a daemon that never was ready") {
  CHECK(start([](Daemon&, int) { ::_exit(1); }).exit_code == 1);
  CHECK(start([](Daemon&, int) { ::_exit(3); }).exit_code == 3);
}

TEST_CASE("a daemon that ends without a word or by a signal is a failure") {
  CHECK(start([](Daemon&, int) { ::_exit(0); }).exit_code == 1);
  CHECK(start([](Daemon&, int) { ::raise(SIGKILL); }).exit_code == 1);
}

TEST_CASE("the daemon leads a session, stands in / and keeps what is no terminal") {
  const auto outcome = start([](Daemon& daemon, int pipe) {
    ::dup2(pipe, STDOUT_FILENO);
    if (!daemon.ready()) ::_exit(1);
    char folder[256] = "";
    char byte = 0;
    const bool leads = ::getsid(0) == ::getpid();
    const bool stdin_ends = ::read(STDIN_FILENO, &byte, 1) == 0;
    if (::getcwd(folder, sizeof(folder)) == nullptr) ::_exit(1);
    write_text(STDOUT_FILENO, std::string(leads ? "leads " : "") + (stdin_ends ? "null " : "") + folder);
    ::_exit(0);
  });
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.written == "leads null /");
}

TEST_CASE("a terminal is given back") {
  const auto outcome = start([](Daemon& daemon, int pipe) {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) ::_exit(2);
    ::dup2(terminal, STDERR_FILENO);
    if (::isatty(STDERR_FILENO) == 0 || !daemon.ready()) ::_exit(3);
    write_text(pipe, ::isatty(STDERR_FILENO) == 0 ? "free" : "held");
    ::_exit(0);
  });
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.written == "free");
}

TEST_CASE("a starter that was killed is an error, not a daemon nobody asked for") {
  const auto outcome = start([](Daemon& daemon, int pipe) {
    ::signal(SIGPIPE, SIG_IGN);
    const pid_t starter = ::getppid();
    ::kill(starter, SIGKILL);
    while (::getppid() == starter) ::sched_yield();
    write_text(pipe, daemon.ready() ? "ready" : "refused");
    ::_exit(0);
  });
  CHECK(outcome.exit_code == -1);
  CHECK(outcome.written == "refused");
}
