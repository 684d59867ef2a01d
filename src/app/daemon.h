// --daemon: the process goes on in the background, and whoever started it learns whether it became ready.
#pragma once

#include "base/error.h"

namespace drover::app {

class Daemon {
 public:
  // Forks; before any thread, loop or lock. Returns in the child, the leader of a new session. The parent waits, and
  // exits with 0 once the child is ready, or with the child's exit code where it ends before that; what the child has
  // to say stands on stderr, which they share until then. Error: kConfiguration.
  static Result<Daemon> fork();

  Daemon(Daemon&& other) noexcept;
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  Daemon& operator=(Daemon&&) = delete;
  ~Daemon();  // where it was never ready, the parent sees the end of the pipe

  // Lets the parent go. stdin becomes /dev/null, and so do stdout and stderr where they are a terminal; a file or a
  // pipe that they were redirected to stays, because the logs go there. The working directory becomes "/", so that
  // no file system is kept from being unmounted. Error: the parent is gone, so the start was interrupted.
  Result<void> ready();

 private:
  explicit Daemon(int pipe) : pipe_(pipe) {}
  int pipe_;  // to the parent; -1: none
};

}  // namespace drover::app
