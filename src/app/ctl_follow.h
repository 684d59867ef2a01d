// `drover ctl drain`: starts a drain, and stays until it has ended.
#pragma once

#include "app/ctl_admin_port.h"
#include "app/ctl_command_line.h"
#include "app/exit_code.h"

namespace drover::app {

// kOk once nobody is left, or where it was not to wait or a dry run; else kStartUp, and stderr says why. An interrupt
// from the keyboard leaves the drain running, says how to cancel it, and ends the process as it would have anyway.
ExitCode drain(const CtlLine& line, const AdminPort& port);

}  // namespace drover::app
