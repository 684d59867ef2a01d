// fork(2), setsid(2) and a pipe of one byte.
#include "app/daemon.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "app/exit_code.h"
#include "app/output.h"

namespace drover::app {

namespace {

std::unexpected<Error> failed(const char* call) {
  return fail(Code::kConfiguration, Side::kDrover,
              std::string("cannot go into the background: ") + call + ": " + std::strerror(errno));
}

// The parent's part. _exit: the child owns what would be flushed or cleaned up.
[[noreturn]] void wait_until_ready(int pipe, pid_t child) {
  char byte = 0;
  ssize_t size = 0;
  do {
    size = ::read(pipe, &byte, 1);
  } while (size < 0 && errno == EINTR);
  if (size == 1) ::_exit(static_cast<int>(ExitCode::kOk));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    complain("ended by signal " + std::to_string(WTERMSIG(status)) + " before it was ready");
  } else if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    ::_exit(WEXITSTATUS(status));
  }
  ::_exit(static_cast<int>(ExitCode::kStartUp));
}

void release_terminal() {
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) return;
  ::dup2(nowhere, STDIN_FILENO);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (::isatty(fd) != 0) ::dup2(nowhere, fd);
  }
  if (nowhere > STDERR_FILENO) ::close(nowhere);
}

}  // namespace

Result<Daemon> Daemon::fork() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("pipe2");
  static_cast<void>(std::fflush(nullptr));  // or both processes write what is buffered now
  const pid_t child = ::fork();
  if (child < 0) {
    auto error = failed("fork");
    ::close(ends[0]);
    ::close(ends[1]);
    return error;
  }
  if (child > 0) {
    ::close(ends[1]);
    wait_until_ready(ends[0], child);
  }
  ::close(ends[0]);
  Daemon daemon(ends[1]);
  if (::setsid() < 0) return failed("setsid");
  return daemon;
}

Daemon::Daemon(Daemon&& other) noexcept : pipe_(std::exchange(other.pipe_, -1)) {}

Daemon::~Daemon() {
  if (pipe_ >= 0) ::close(pipe_);
}

Result<void> Daemon::ready() {
  release_terminal();
  if (::chdir("/") != 0) return failed("chdir");
  const char byte = 1;
  if (::write(pipe_, &byte, 1) != 1) return failed("the process that waits for it is gone");
  ::close(std::exchange(pipe_, -1));
  return {};
}

}  // namespace drover::app
