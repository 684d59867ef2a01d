// Where `drover ctl` finds the admin port, and the token that it shows there.
#pragma once

#include <string>

#include "app/ctl_command_line.h"
#include "base/error.h"
#include "config/load.h"

namespace drover::app {

struct AdminPort {
  config::Endpoint address;  // of a host, never of "any": text is what is printed and what Host says
  std::string token;         // empty: none
};

// From the file of -c, or from --admin and --token-file, or from DROVER_ADMIN and DROVER_ADMIN_TOKEN. Reads files.
// Errors: kConfiguration.
Result<AdminPort> find_admin_port(const CtlLine& line, const config::Environment& environment);

}  // namespace drover::app
