// What `drover` does for each way to call it that is more than printing a line: each returns the exit code and has told
// on stderr what was wrong.
#pragma once

#include "app/command_line.h"
#include "app/exit_code.h"

namespace drover::app {

ExitCode serve(const CommandLine& line);       // -c FILE: until a signal ends it
ExitCode serve_demo(const CommandLine& line);  // --demo
ExitCode check(const CommandLine& line);       // -t, -T
ExitCode compare(const CommandLine& line);     // -t --diff OLD NEW

}  // namespace drover::app
