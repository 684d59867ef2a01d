// A function for each command.
#include "app/ctl.h"

#include <csignal>
#include <string>
#include <utility>

#include "app/ctl_admin_port.h"
#include "app/ctl_answers.h"
#include "app/ctl_backends.h"
#include "app/ctl_client.h"
#include "app/ctl_drains.h"
#include "app/ctl_figures.h"
#include "app/ctl_follow.h"
#include "app/ctl_sessions.h"
#include "app/ctl_status.h"
#include "app/ctl_table.h"
#include "app/output.h"

namespace drover::app {

namespace {

using Verb = CtlLine::Verb;

struct Said {
  std::string text;  // for stdout
  std::string note;  // for stderr: what a program that reads the text would stumble over
  ExitCode code = ExitCode::kOk;
};

constexpr unsigned kRefused = 422;

bool wants_json(const CtlLine& line) {
  return line.form == CtlLine::Form::kJson;
}

Result<Said> show_status(const CtlLine& line, const CtlClient& client) {
  auto health = client.get("/health");
  if (!health) return std::unexpected(health.error());
  auto ready = client.ask("GET", "/ready");  // 503 is an answer too
  if (!ready) return std::unexpected(ready.error());
  auto backends = client.get("/api/v1/backends");
  if (!backends) return std::unexpected(backends.error());
  auto drains = client.get("/api/v1/drains");
  const StatusBodies bodies{*std::move(health), std::move(ready->body), *std::move(backends),
                            drains ? *std::move(drains) : ""};
  if (wants_json(line)) return Said{status_json(bodies), {}};
  return Said{status_screen(client.place(), bodies, standard_screen()), {}};
}

Result<Said> show_sessions(const CtlLine& line, const CtlClient& client) {
  const auto sessions = list_sessions(client, line);
  if (!sessions) return std::unexpected(sessions.error());
  if (wants_json(line)) return Said{merged(*sessions), {}};
  if (sessions->sessions.empty()) return Said{{}, "no sessions\n"};
  return Said{sessions_table(*sessions, standard_screen()), more_sessions_note(*sessions)};
}

std::string path_of_session(const CtlLine& line) {
  return "/api/v1/sessions/" + percent_encoded(line.session);
}

Result<Said> show_session(const CtlLine& line, const CtlClient& client) {
  auto body = client.get(path_of_session(line));
  if (!body) return std::unexpected(body.error());
  if (wants_json(line)) return Said{*std::move(body), {}};
  return Said{session_text(read_session(*body)), {}};
}

Result<Said> close_session(const CtlLine& line, const CtlClient& client) {
  auto body = client.demand("DELETE", path_of_session(line), {});
  if (!body) return std::unexpected(body.error());
  if (wants_json(line)) return Said{*std::move(body), {}};
  return Said{printable(line.session) + ": closing\n", {}};
}

Result<Said> show_config(const CtlLine& line, const CtlClient& client) {
  auto body = client.get("/api/v1/config");
  if (!body) return std::unexpected(body.error());
  return Said{wants_json(line) ? *std::move(body) : indented(*body), {}};
}

Result<Said> change_backend(const CtlLine& line, const CtlClient& client) {
  const auto known = client.get("/api/v1/backends");
  if (!known) return std::unexpected(known.error());
  const auto before = pick_backend(read_backends(*known), line.backend);
  if (!before) return std::unexpected(before.error());
  const auto change = change_of(line, *before);
  auto body = client.demand(change.method, change.target, change.body);
  if (!body) return std::unexpected(body.error());
  if (wants_json(line)) return Said{*std::move(body), {}};
  return Said{change_text(line, *before, read_note(*body)), {}};
}

Result<Said> show_drains(const CtlLine& line, const CtlClient& client) {
  auto body = client.get("/api/v1/drains");
  if (!body) return std::unexpected(body.error());
  if (wants_json(line)) return Said{*std::move(body), {}};
  const auto drains = read_drains(*body);
  std::string note = drains.frozen ? "frozen: no drain moves a session until drover ctl unfreeze\n" : "";
  if (drains.drains.empty()) return Said{{}, note + "no drains\n"};
  for (const auto& drain : drains.drains) {
    for (const auto& warning : drain.warnings) note.append(warnings_text({drain.id + ": " + warning}));
  }
  return Said{drains_table(drains, standard_screen()), std::move(note)};
}

Result<Said> cancel_drain(const CtlLine& line, const CtlClient& client) {
  auto body = client.demand("DELETE", "/api/v1/drains/" + percent_encoded(line.drain.id), {});
  if (!body) return std::unexpected(body.error());
  if (wants_json(line)) return Said{*std::move(body), {}};
  const auto drain = read_drain(*body);
  return Said{drain_text(drain), drain.note.empty() ? "" : printable(drain.note) + "\n"};
}

Result<Said> set_frozen(const CtlLine& line, const CtlClient& client) {
  const bool freezes = line.verb == Verb::kFreeze;
  auto body = client.demand("POST", freezes ? "/api/v1/freeze" : "/api/v1/unfreeze", {});
  if (!body) return std::unexpected(body.error());
  if (wants_json(line)) return Said{*std::move(body), {}};
  return Said{freezes ? "frozen: no drain moves a session until drover ctl unfreeze\n" : "drains go on\n", {}};
}

std::string lines_of(const std::vector<std::string>& texts, std::string_view before) {
  std::string lines;
  for (const auto& text : texts) lines.append(before).append(printable(text)).append("\n");
  return lines;
}

Result<Said> reload(const CtlLine& line, const CtlClient& client) {
  auto answer = client.ask("POST", "/api/v1/reload");
  if (!answer) return std::unexpected(answer.error());
  const bool refused = answer->status == kRefused;
  if (!refused && answer->status != 200) return std::unexpected(client.refusal(*answer));
  const auto code = refused ? ExitCode::kStartUp : ExitCode::kOk;
  const auto said = read_reload(answer->body);
  if (wants_json(line)) return Said{std::move(answer->body), {}, code};
  if (refused) {
    return Said{
        {}, "drover: the configuration is refused, and nothing has changed:\n" + lines_of(said.errors, "  "), code};
  }
  return Said{said.changes.empty() ? "nothing has changed\n" : lines_of(said.changes, ""),
              warnings_text(said.warnings)};
}

Result<Said> perform(const CtlLine& line, const CtlClient& client) {
  switch (line.verb) {
    case Verb::kStatus: return show_status(line, client);
    case Verb::kSessions: return show_sessions(line, client);
    case Verb::kSession: return show_session(line, client);
    case Verb::kClose: return close_session(line, client);
    case Verb::kConfig: return show_config(line, client);
    case Verb::kReload: return reload(line, client);
    case Verb::kDrains: return show_drains(line, client);
    case Verb::kCancelDrain: return cancel_drain(line, client);
    case Verb::kFreeze:
    case Verb::kUnfreeze: return set_frozen(line, client);
    case Verb::kReady:
    case Verb::kMaintenance:
    case Verb::kWeight: return change_backend(line, client);
    case Verb::kDrain: break;  // asks more than once
  }
  return fail(Code::kInternal, Side::kDrover, "a command of ctl without a function");
}

}  // namespace

ExitCode ctl(const CtlLine& line) {
  static_cast<void>(std::signal(SIGPIPE, SIG_DFL));  // "| head" ends it without a word, as it does any command
  auto port = find_admin_port(line, config::process_environment);
  if (!port) return complain(port.error().detail);
  if (line.verb == Verb::kDrain) return drain(line, *port);
  const CtlClient client(*std::move(port), line.timeout);
  const auto said = perform(line, client);
  if (!said) return complain(said.error().detail);
  const auto code = print(said->text);
  print_error(said->note);
  return code == ExitCode::kOk ? said->code : code;
}

}  // namespace drover::app
