// What parsing a command line comes to where nothing is left to do but to print and to exit.
#pragma once

#include <string>

#include "app/exit_code.h"

namespace drover::app {

// Help (to stdout, kOk) or a usage error (to stderr, kUsage).
struct UsageText {
  ExitCode code = ExitCode::kUsage;
  std::string text;  // lines, each ended by '\n'
};

}  // namespace drover::app
