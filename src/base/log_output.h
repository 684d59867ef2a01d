// The descriptor that the lines of one log go to. One thread uses it, and waits where a pipe is full or a disk is slow.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace drover::log {

class Output {
 public:
  // `target`: "stdout", "stderr" or a path. Errors: kConfiguration, where the file cannot be opened.
  static Result<std::unique_ptr<Output>> open(const std::string& target);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // `line` ends with '\n'. 0, or the errno for which it is lost. What stands of it in the file already is ended with
  // the next line that works, so that the two are not taken for one.
  int write(std::string_view line);
  // Opens the path anew, where the old file was renamed or deleted. Where that fails the old one stays. Errors:
  // kConfiguration, as in open().
  Result<void> reopen();
  const std::string& path() const { return path_; }  // empty: stdout or stderr

 private:
  Output(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  int put(std::string_view text);

  const std::string path_;
  int fd_;
  bool at_line_start_ = true;
};

}  // namespace drover::log
