// open(2), flock(2) and the care that a file named by mistake deserves.
#include "app/pidfile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace drover::app {

namespace {

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(Code::kConfiguration, Side::kDrover, "cannot write the pid file '" + path + "': " + why);
}

// What stands in the file, up to more than any process id has.
std::string beginning_of(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof(text), 0);
  return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
}

bool is_process_id(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text.size() < 20 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_at(int fd, const std::string& path) {
  struct stat ours{};
  struct stat there{};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

// Null, or the reason why not.
const char* write_id(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0) return std::strerror(errno);
  const ssize_t written = ::pwrite(fd, text.data(), text.size(), 0);
  if (written < 0) return std::strerror(errno);
  return static_cast<std::size_t>(written) == text.size() ? nullptr : "the disk is full";
}

}  // namespace

Result<Pidfile> Pidfile::create(const std::string& path) {
  std::error_code problem;
  const std::string absolute = std::filesystem::absolute(path, problem).string();
  if (problem) return refuse(path, problem.message());
  // No link: in a folder that others may write to it could lead anywhere.
  const int fd = ::open(absolute.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
  if (fd < 0) return refuse(path, std::strerror(errno));
  Pidfile file(std::string(), fd);  // nameless, so that a failure below closes the file and does not remove it
  const std::string before = beginning_of(fd);
  if (!is_process_id(before)) return refuse(path, "it exists and is no pid file");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return refuse(path, "it belongs to a running Drover, process " + before.substr(0, before.find('\n')));
  }
  if (!is_at(fd, absolute)) return create(absolute);  // its owner ended and removed it between our open and lock
  if (const char* why = write_id(fd); why != nullptr) return refuse(path, why);
  file.path_ = absolute;
  return file;
}

Pidfile::Pidfile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

Pidfile::Pidfile(Pidfile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

Pidfile::~Pidfile() {
  if (fd_ < 0) return;
  if (!path_.empty() && is_at(fd_, path_)) ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace drover::app
