// What Drover says on the terminal, outside of its logs.
#pragma once

#include <string>

#include "app/exit_code.h"

namespace drover::app {

// To stdout. kStartUp where it does not take all of it, which a script that reads it must learn.
ExitCode print(const std::string& text);
// To stderr, as it is.
void print_error(const std::string& text);
// "drover: <what>" as a line to stderr. Always kStartUp.
ExitCode complain(const std::string& what);

}  // namespace drover::app
