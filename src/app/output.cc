// stdout and stderr.
#include "app/output.h"

#include <cstdio>

namespace drover::app {

ExitCode print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? ExitCode::kOk : complain("cannot write to standard output");
}

void print_error(const std::string& text) {
  static_cast<void>(std::fputs(text.c_str(), stderr));  // where else to say so?
}

ExitCode complain(const std::string& what) {
  print_error("drover: " + what + "\n");
  return ExitCode::kStartUp;
}

}  // namespace drover::app
