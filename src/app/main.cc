// The program: from the arguments to an exit code.
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/ctl.h"
#include "app/output.h"
#include "app/serve.h"
#include "app/version.h"

namespace drover::app {

namespace {

ExitCode perform(const CommandLine& line) {
  using Action = CommandLine::Action;
  switch (line.action) {
    case Action::kServe: return serve(line);
    case Action::kDemo: return serve_demo(line);
    case Action::kCheck:
    case Action::kCheckAndPrint: return check(line);
    case Action::kCompare: return compare(line);
    case Action::kVersion: return print("drover " + version() + "\n");
    case Action::kVersionDetails: return print(version_with_libraries());
    case Action::kCtl: return ctl(line.ctl);
  }
  return ExitCode::kUsage;
}

ExitCode run_program(const std::vector<std::string>& arguments) {
  // A peer that is gone and a log file at its largest size are an errno at the write, and a log rotation that comes
  // before the supervisor listens for its signal must not end the process.
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGHUP, SIGUSR1}) static_cast<void>(std::signal(signal, SIG_IGN));
  const auto line = parse_command_line(arguments);
  if (line) return perform(*line);
  if (line.error().code == ExitCode::kOk) return print(line.error().text);
  print_error(line.error().text);
  return line.error().code;
}

}  // namespace

}  // namespace drover::app

int main(int argc, char** argv) {
  try {
    return static_cast<int>(drover::app::run_program({argv + (argc > 0 ? 1 : 0), argv + argc}));
  } catch (const std::exception& problem) {  // out of memory or threads at start-up
    return static_cast<int>(drover::app::complain(problem.what()));
  }
}
