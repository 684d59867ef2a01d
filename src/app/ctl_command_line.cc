// CLI11 behind parse_ctl_line(). Options of all commands may stand before and behind the command's name.
#include "app/ctl_command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "config/addresses.h"
#include "config/text.h"
#include "config/values.h"

namespace drover::app {

namespace {

using Verb = CtlLine::Verb;

constexpr const char* kSynopsis =
    "usage: drover ctl status                           how it is, its limits, and its backends\n"
    "       drover ctl sessions [FILTERS] | ID          who is connected; one session in full\n"
    "       drover ctl close ID                         close a session\n"
    "       drover ctl config                           the configuration in force\n"
    "       drover ctl ready|maintenance POOL/BACKEND   give it sessions again, or no new ones\n"
    "       drover ctl weight POOL/BACKEND N\n"
    "       drover ctl drain POOL/BACKEND | --pool POOL [TERMS]   move its sessions away, and watch it\n"
    "       drover ctl drain --cancel ID\n"
    "       drover ctl drains                           those that go on, and the last that ended\n"
    "       drover ctl freeze|unfreeze                  hold all drains up; let them go on\n"
    "       drover ctl reload                           read the configuration again\n"
    "       drover ctl --help\n";

constexpr const char* kFooter =
    "The admin port is that of --admin, of the file of -c, of the environment's DROVER_ADMIN, or 127.0.0.1:9900.\n"
    "Its token is in the file of --token-file, in that of -c, or in the environment's DROVER_ADMIN_TOKEN.\n";

// What CLI11 has as text or flag, and the rest of CtlLine as it is.
struct Written {
  CtlLine line;
  std::string admin, timeout, limit, weight;
  bool json = false;
  bool all = false;
  bool no_wait = false;
};

std::string not_empty(const std::string& text) {
  return text.empty() ? "the text is empty" : "";
}

// CLI11's form of a check: the sentence that is wrong with the text, or nothing.
template <class Parse>
auto taken_by(Parse parse) {
  return [parse](const std::string& text) {
    const auto parsed = parse(text);
    return parsed ? std::string() : parsed.error().detail;
  };
}

void declare_common(CLI::App& parser, Written& written) {
  parser.set_help_flag("-h,--help", "Print this and exit");
  parser.footer(kFooter);
  auto* config =
      parser.add_option("-c,--config", written.line.config_file, "Drover's configuration: address and token")
          ->type_name("FILE")
          ->check(not_empty);
  parser.add_option("--admin", written.admin, "Where the admin port is")
      ->type_name("HOST:PORT")
      ->check(taken_by(config::parse_endpoint))
      ->excludes(config);
  parser.add_option("--token-file", written.line.token_file, "A file that has the admin port's token")
      ->type_name("FILE")
      ->check(not_empty)
      ->excludes(config);
  parser.add_option("--timeout", written.timeout, "How long all of it may take (5s)")
      ->type_name("TIME")
      ->check(taken_by([](const std::string& text) {
        auto time = config::parse_duration(text);
        return time && time->count() == 0 ? config::invalid("no answer comes within no time") : time;
      }));
  parser.add_flag("--json", written.json, "Print the JSON of the admin port");
  parser.require_subcommand(1);
  parser.fallthrough();  // inherited by the commands
}

CLI::App& declare_command(CLI::App& parser, const char* name, const char* what, const std::function<void()>& chosen) {
  auto* command = parser.add_subcommand(name, what);
  command->footer("The options of all commands: drover ctl --help\n");
  command->parse_complete_callback(chosen);
  return *command;
}

void declare_sessions(CLI::App& parser, Written& written) {
  CtlLine& line = written.line;
  auto& command = declare_command(parser, "sessions", "Who is connected",
                                  [&line] { line.verb = line.session.empty() ? Verb::kSessions : Verb::kSession; });
  auto* id = command.add_option("ID", line.session, "That session alone, in full")->check(not_empty);
  const auto add = [&](const char* name, std::string& text, const char* type, const char* what) {
    return command.add_option(name, text, what)->type_name(type)->check(not_empty)->excludes(id);
  };
  add("--pool", line.filter.pool, "POOL", "Of that pool");
  add("--backend", line.filter.backend, "BACKEND", "On that backend");
  add("--client", line.filter.client, "IP[:PORT]", "From there");
  auto* limit =
      add("--limit", written.limit, "N", "At most so many (100)")->check(taken_by([](const std::string& text) {
        auto number = config::parse_number(text);
        return number && *number == 0 ? config::invalid("0 sessions are none: 1 at least") : number;
      }));
  command.add_flag("--all", written.all, "Every session")->excludes(limit)->excludes(id);
}

void declare_backend(CLI::App& command, CtlLine& line) {
  command.add_option("BACKEND", line.backend, "POOL/BACKEND, or BACKEND where only one pool has it")
      ->required()
      ->check(not_empty);
}

std::string mode_problem(const std::string& text) {
  constexpr std::array<std::string_view, 3> kModes = {"handoff", "notify", "close"};
  if (std::ranges::find(kModes, text) != kModes.end()) return {};
  return "expected handoff, notify or close, got " + config::in_quotes(text) + config::did_you_mean(text, kModes);
}

std::string pace_problem(const std::string& text) {
  if (text == "auto") return {};
  const auto pace = config::parse_rate(text);
  if (!pace) return pace.error().detail + "; or auto";
  return *pace > 0 ? "" : "at 0/s nobody would ever leave";
}

void declare_drain(CLI::App& parser, Written& written) {
  CtlLine& line = written.line;
  auto& drain = line.drain;
  auto& command =
      declare_command(parser, "drain", "Move the sessions of a backend or pool away, and watch it", [&line] {
        line.verb = line.drain.id.empty() ? Verb::kDrain : Verb::kCancelDrain;
        if (line.backend.empty() && line.drain.pool.empty() && line.drain.id.empty()) {
          throw CLI::RequiredError("BACKEND, --pool or --cancel");
        }
      });
  auto* backend = command.add_option("BACKEND", line.backend, "POOL/BACKEND, or BACKEND where only one pool has it");
  backend->check(not_empty);
  auto* cancel = command.add_option("--cancel", drain.id, "End that drain: who has not moved yet stays");
  cancel->type_name("ID")->check(not_empty)->excludes(backend);
  const auto add = [&](const char* name, std::string& text, const char* type, const char* what) {
    return command.add_option(name, text, what)->type_name(type)->excludes(cancel);
  };
  add("--pool", drain.pool, "POOL", "All of that pool's backends")->check(not_empty)->excludes(backend);
  add("--mode", drain.mode, "MODE", "Begin with handoff, notify or close (handoff)")->check(mode_problem);
  add("--pace", drain.pace, "RATE", "Sessions a second, such as 200/s, or auto (the pool's)")->check(pace_problem);
  add("--deadline", drain.deadline, "TIME", "How long it may take (the pool's)")
      ->check(taken_by(config::parse_duration));
  add("--grace", drain.grace, "TIME", "From a client's turn to its close (the pool's)")
      ->check(taken_by(config::parse_duration));
  command.add_flag("--dry-run", drain.dry_run, "Only tell what would be")->excludes(cancel);
  command.add_flag("--no-wait", written.no_wait, "Only start it")->excludes(cancel);
}

void declare_commands(CLI::App& parser, Written& written) {
  CtlLine& line = written.line;
  const auto declare = [&](const char* name, const char* what, Verb verb) -> CLI::App& {
    return declare_command(parser, name, what, [&line, verb] { line.verb = verb; });
  };
  declare("status", "How Drover is, how near its limits, and its backends", Verb::kStatus);
  declare_sessions(parser, written);
  declare("close", "Close a session", Verb::kClose)
      .add_option("ID", line.session, "Its id")
      ->required()
      ->check(not_empty);
  declare("config", "The configuration in force, without secrets", Verb::kConfig);
  declare("reload", "Read the configuration again, as SIGHUP does", Verb::kReload);
  declare_drain(parser, written);
  declare("drains", "The drains that go on, and the last that ended", Verb::kDrains);
  declare("freeze", "Hold all drains up", Verb::kFreeze);
  declare("unfreeze", "Let drains go on", Verb::kUnfreeze);
  declare_backend(declare("ready", "Give a backend sessions again", Verb::kReady), line);
  declare_backend(declare("maintenance", "Give a backend no new sessions", Verb::kMaintenance), line);
  auto& weight = declare("weight", "Change a backend's share", Verb::kWeight);
  declare_backend(weight, line);
  weight.add_option("N", written.weight, "Its weight")->required()->check(taken_by(config::parse_number));
}

// What CLI11 cannot word: it only knows that none of the commands was there.
std::string sentence_of(const CLI::App& parser, const CLI::ParseError& problem) {
  const auto others = parser.remaining();
  if (!parser.get_subcommands().empty() || others.empty()) return problem.what();
  constexpr std::array<std::string_view, 12> kCommands = {"status",      "sessions", "close",  "config",
                                                          "ready",       "weight",   "drain",  "drains",
                                                          "maintenance", "freeze",   "reload", "unfreeze"};
  return "no command " + config::in_quotes(others.front()) + config::did_you_mean(others.front(), kCommands);
}

// Every text has passed its check.
CtlLine line_of(Written&& written) {
  CtlLine line = std::move(written.line);
  if (!written.admin.empty()) line.admin = *config::parse_endpoint(written.admin);
  if (!written.timeout.empty()) line.timeout = *config::parse_duration(written.timeout);
  if (!written.limit.empty()) line.limit = *config::parse_number(written.limit);
  if (!written.weight.empty()) line.weight = *config::parse_number(written.weight);
  if (written.all) line.limit.reset();
  if (written.no_wait) line.drain.wait = CtlLine::Drain::Wait::kNot;
  if (written.json) line.form = CtlLine::Form::kJson;
  return line;
}

}  // namespace

std::expected<CtlLine, UsageText> parse_ctl_line(const std::vector<std::string>& arguments) {
  CLI::App parser("Talks to the admin port of a running Drover");
  parser.name("drover ctl");
  Written written;
  declare_common(parser, written);
  declare_commands(parser, written);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
    parser.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(UsageText{ExitCode::kOk, parser.help()});
  } catch (const CLI::ParseError& problem) {
    return std::unexpected(
        UsageText{ExitCode::kUsage, "drover ctl: " + sentence_of(parser, problem) + "\n" + kSynopsis});
  }
  return line_of(std::move(written));
}

}  // namespace drover::app
