// write(2), without stdio: that tells nothing of a full disk, and at exit() waits for a full pipe once more.
#include "base/log_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace drover::log {

namespace {

// Without waiting: a FIFO has to have a reader.
Result<int> open_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd >= 0) return fd;
  const int error = errno;
  return fail(
      Code::kConfiguration, Side::kDrover,
      "log.access: cannot open " + path + ": " + std::strerror(error) + " (errno " + std::to_string(error) + ")");
}

bool are_one_file(int a, int b) {
  struct stat first{};
  struct stat second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

Result<std::unique_ptr<Output>> Output::open(const std::string& target) {
  if (target == "stdout") return std::unique_ptr<Output>(new Output({}, STDOUT_FILENO));
  if (target == "stderr") return std::unique_ptr<Output>(new Output({}, STDERR_FILENO));
  const auto fd = open_file(target);
  if (!fd) return std::unexpected(fd.error());
  return std::unique_ptr<Output>(new Output(target, *fd));
}

Output::~Output() {
  if (!path_.empty()) ::close(fd_);
}

int Output::write(std::string_view line) {
  const int error = at_line_start_ ? 0 : put("\n");
  return error == 0 ? put(line) : error;
}

int Output::put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written > 0) {
      at_line_start_ = text[static_cast<std::size_t>(written) - 1] == '\n';
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // a full FIFO, or whoever shares our stdout has made it non-blocking
      pollfd wait{.fd = fd_, .events = POLLOUT, .revents = 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Result<void> Output::reopen() {
  if (path_.empty()) return {};
  const auto fd = open_file(path_);
  if (!fd) return std::unexpected(fd.error());
  if (!are_one_file(fd_, *fd)) at_line_start_ = true;
  ::close(std::exchange(fd_, *fd));
  return {};
}

}  // namespace drover::log
