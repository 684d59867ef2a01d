// Drover's version, and those of the libraries in it.
#pragma once

#include <string>

namespace drover::app {

std::string version();  // "0.1.0"
// "drover 0.1.0", and a line a library: "  libuv 1.44.2".
std::string version_with_libraries();

}  // namespace drover::app
