// What the command line asks for. Pure: nothing is read but the arguments, and nothing printed.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "app/ctl_command_line.h"
#include "app/usage_text.h"

namespace drover::app {

struct CommandLine {
  enum class Action : std::uint8_t {
    kServe,
    kDemo,
    kCheck,           // -t
    kCheckAndPrint,   // -T: the effective configuration too
    kCompare,         // -t --diff OLD NEW: what a reload would do
    kVersion,         // -v
    kVersionDetails,  // -V
    kCtl,             // ctl …: `ctl` says what
  };
  enum class Ground : std::uint8_t { kForeground, kBackground };

  Action action = Action::kServe;
  Ground ground = Ground::kForeground;
  std::string config_file;  // of kCompare the new one
  std::string old_config_file;
  std::string pidfile;  // empty: none
  CtlLine ctl;
};

// `arguments` without the program's name.
std::expected<CommandLine, UsageText> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace drover::app
