// `drover ctl …`: asks the admin port of a running Drover, and prints what it says.
#pragma once

#include "app/ctl_command_line.h"
#include "app/exit_code.h"

namespace drover::app {

// kOk, or kStartUp where it could not be done; stderr says why.
ExitCode ctl(const CtlLine& line);

}  // namespace drover::app
