// ${NAME}, ${NAME:-default} and $$ in scalar values, after the YAML has been parsed: a variable's content can
// never add keys or lists to the file.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/load.h"

namespace drover::config {

struct Expanded {
  std::string text;
  bool from_environment = false;  // a ${…} was replaced
};

// The default counts, as in a shell, where the variable is unset or empty. A "$" before anything but "{" and "$"
// stands for itself. Fails for an unset variable without default, and for a ${…} that is malformed.
Result<Expanded> expand(std::string_view text, const Environment& environment);

}  // namespace drover::config
