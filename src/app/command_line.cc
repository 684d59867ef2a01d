// CLI11 behind parse_command_line().
#include "app/command_line.h"

#include <CLI/CLI.hpp>

namespace drover::app {

namespace {

constexpr const char* kSynopsis =
    "usage: drover -c FILE [--pidfile FILE] [--daemon]   serve\n"
    "       drover -t -c FILE                            check FILE (-T: and print what is in force)\n"
    "       drover -t --diff OLD NEW                     tell what a reload from OLD to NEW would do\n"
    "       drover --demo                                try it out, with two built-in backends\n"
    "       drover ctl COMMAND                           talk to a running Drover (drover ctl --help)\n"
    "       drover -v | -V | --help\n";

// The flags as CLI11 fills them in.
struct Flags {
  bool check = false;
  bool print = false;
  bool version = false;
  bool details = false;
  bool demo = false;
  bool daemon = false;
  std::vector<std::string> compared;  // none, or two files
};

void declare_options(CLI::App& parser, CommandLine& line, Flags& flags) {
  parser.set_help_flag("-h,--help", "Print this and exit");
  const auto not_empty = [](const std::string& name) { return name.empty() ? "the name is empty" : ""; };
  parser.add_option("-c,--config", line.config_file, "The configuration, YAML or JSON")
      ->type_name("FILE")
      ->check(not_empty);
  parser.add_flag("-t,--test", flags.check, "Check the configuration and exit with 0 or 1");
  parser.add_flag("-T,--test-and-print", flags.print,
                  "As -t, and print the effective configuration with every default");
  parser
      .add_option("--diff", flags.compared,
                  "With -t: check both files, and print what a reload from OLD to NEW would do")
      ->type_name("OLD NEW")
      ->type_size(2)  // values each time; once
      ->expected(1)
      ->check(not_empty);
  parser.add_flag("-v,--version", flags.version, "Print the version and exit");
  parser.add_flag("-V,--version-details", flags.details, "Print the version and those of the libraries and exit");
  parser.add_option("--pidfile", line.pidfile, "Write the process id there while Drover runs")
      ->type_name("FILE")
      ->check(not_empty);
  parser.add_flag("--daemon", flags.daemon, "Return once Drover is ready, and go on in the background");
  parser.add_flag("--demo", flags.demo, "Serve two built-in backends on port 8080 or the next free one");
}

CommandLine::Action action_of(const Flags& flags) {
  using Action = CommandLine::Action;
  if (flags.details) return Action::kVersionDetails;
  if (flags.version) return Action::kVersion;
  if (!flags.compared.empty()) return Action::kCompare;
  if (flags.print) return Action::kCheckAndPrint;
  if (flags.check) return Action::kCheck;
  return flags.demo ? Action::kDemo : Action::kServe;
}

bool needs_config(CommandLine::Action action) {
  using Action = CommandLine::Action;
  return action == Action::kServe || action == Action::kCheck || action == Action::kCheckAndPrint;
}

std::unexpected<UsageText> usage_error(const std::string& what) {
  return std::unexpected(UsageText{ExitCode::kUsage, "drover: " + what + "\n" + kSynopsis});
}

}  // namespace

std::expected<CommandLine, UsageText> parse_command_line(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == "ctl") {
    auto ctl = parse_ctl_line({arguments.begin() + 1, arguments.end()});
    if (!ctl) return std::unexpected(ctl.error());
    CommandLine line;
    line.action = CommandLine::Action::kCtl;
    line.ctl = *std::move(ctl);
    return line;
  }
  CLI::App parser("Drover, a WebSocket-aware reverse proxy");
  parser.name("drover");
  parser.footer("drover ctl COMMAND talks to a running Drover: drover ctl --help\n");
  CommandLine line;
  Flags flags;
  declare_options(parser, line, flags);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
    parser.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(UsageText{ExitCode::kOk, parser.help()});
  } catch (const CLI::ParseError& problem) {
    return usage_error(problem.what());
  }
  if (!flags.compared.empty()) {
    if (!flags.check || flags.print || flags.demo || !line.config_file.empty())
      return usage_error("--diff OLD NEW goes with -t, and without -c, -T and --demo");
    line.old_config_file = flags.compared.front();
    line.config_file = flags.compared.back();
  }
  if (flags.demo && (!line.config_file.empty() || flags.check || flags.print || flags.daemon)) {
    return usage_error("--demo brings its own configuration and stays in the foreground: no -c, -t, -T or --daemon");
  }
  line.action = action_of(flags);
  if (flags.daemon) line.ground = CommandLine::Ground::kBackground;
  if (needs_config(line.action) && line.config_file.empty()) {
    return usage_error("no configuration: name one with -c FILE, or try drover --demo");
  }
  return line;
}

}  // namespace drover::app
