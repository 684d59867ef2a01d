// What Drover's exit code says. Service files and scripts rely on the numbers.
#pragma once

namespace drover::app {

enum class ExitCode : int {
  kOk = 0,
  kStartUp = 1,  // the configuration is wrong, or start-up failed
  kUsage = 2,    // the command line is wrong
  kForced = 3,   // a second signal cut a shutdown short
};

}  // namespace drover::app
