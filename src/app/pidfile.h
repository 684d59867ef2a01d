// The file with the process id. Locked while Drover runs, so that a second one with the same file is refused and a
// file that a crash left behind is not in the way.
#pragma once

#include <string>

#include "base/error.h"

namespace drover::app {

class Pidfile {
 public:
  // Writes the calling process's id to `path`. Error: kConfiguration; a file with other contents is left alone.
  static Result<Pidfile> create(const std::string& path);
  // Removes the file, unless it has been replaced by another one meanwhile.
  ~Pidfile();
  Pidfile(Pidfile&& other) noexcept;
  Pidfile(const Pidfile&) = delete;
  Pidfile& operator=(const Pidfile&) = delete;
  Pidfile& operator=(Pidfile&&) = delete;

 private:
  Pidfile(std::string path, int fd);

  std::string path_;  // absolute: the working directory may change
  int fd_;            // holds the lock; -1: moved from
};

}  // namespace drover::app
