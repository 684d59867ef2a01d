// The drain is Drover's: what is here only looks at it, four times a second.
#include "app/ctl_follow.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>

#include "app/ctl_answers.h"
#include "app/ctl_backends.h"
#include "app/ctl_client.h"
#include "app/ctl_drains.h"
#include "app/ctl_figures.h"
#include "app/ctl_table.h"
#include "app/output.h"

namespace drover::app {

namespace {

constexpr int kLookEveryMs = 250;

// --- Ctrl-C. What is said then is made before, since a signal handler may only write what is there.

std::array<char, 256> farewell{};
std::size_t farewell_size = 0;

extern "C" void take_leave(int signal) {
  static_cast<void>(::write(STDERR_FILENO, farewell.data(), farewell_size) == 0);  // where else to say so?
  static_cast<void>(::raise(signal));  // its handler is the default again (SA_RESETHAND)
}

std::string how_to_cancel(const std::string& id) {
  return "drain " + id + " goes on; drover ctl drain --cancel " + id + " ends it";
}

// From here on. Who has been told to ignore interrupts (nohup, a script's background) goes on ignoring them.
void say_on_interrupt(const std::string& id) {
  const std::string text = "\n" + how_to_cancel(id) + "\n";
  farewell_size = text.copy(farewell.data(), farewell.size());
  struct sigaction before{};
  if (::sigaction(SIGINT, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) return;
  struct sigaction wanted{};
  wanted.sa_handler = take_leave;
  wanted.sa_flags = static_cast<int>(SA_RESETHAND);
  static_cast<void>(::sigaction(SIGINT, &wanted, nullptr));
}

// --- Starting it.

// The path that starts the drain of `line`.
Result<std::string> target_of(const CtlLine& line, const CtlClient& client) {
  if (!line.drain.pool.empty()) return drain_target(line.drain.pool, "");
  const auto known = client.get("/api/v1/backends");
  if (!known) return std::unexpected(known.error());
  const auto pools = read_backends(*known);
  auto backend = pick_backend(pools, line.backend);
  if (backend) return drain_target(backend->pool, backend->name);
  if (std::ranges::find(pools, line.backend, &PoolAnswer::name) != pools.end()) {
    backend.error().detail.append("; for all of the pool: --pool ").append(printable(line.backend));
  }
  return std::unexpected(backend.error());
}

// The plan's JSON.
Result<std::string> start(const CtlLine& line, const AdminPort& port) {
  const CtlClient client(port, line.timeout);
  const auto target = target_of(line, client);
  if (!target) return std::unexpected(target.error());
  return client.demand("POST", *target, drain_body(line.drain));
}

// --- Watching it.

DrainProgress progress_on_stdout() {
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return {is_terminal ? DrainProgress::Surface::kTerminal : DrainProgress::Surface::kFile, standard_screen()};
}

ExitCode show(const DrainProgress::Shown& shown, CtlLine::Form form) {
  const bool tables = form == CtlLine::Form::kTables;
  if (tables && print(shown.before) != ExitCode::kOk) return ExitCode::kStartUp;
  print_error(shown.warnings);
  return tables ? print(shown.line) : ExitCode::kOk;
}

// `body`: the plan as it is now.
ExitCode watch(const CtlLine& line, const AdminPort& port, std::string body) {
  auto progress = progress_on_stdout();
  const std::string target = "/api/v1/drains/" + percent_encoded(read_drain(body).id);
  while (true) {
    const auto plan = read_drain(body);
    if (const auto code = show(progress.take(plan, monotonic_now()), line.form); code != ExitCode::kOk) return code;
    if (has_ended(plan)) {
      const auto printed = line.form == CtlLine::Form::kJson ? print(body) : ExitCode::kOk;
      return has_succeeded(plan) ? printed : ExitCode::kStartUp;
    }
    static_cast<void>(::poll(nullptr, 0, kLookEveryMs));
    auto next = CtlClient(port, line.timeout).get(target);
    if (!next) {
      const char* const line_end = ::isatty(STDOUT_FILENO) == 1 ? "\n" : "";
      static_cast<void>(print(line_end));
      return complain(next.error().detail + "; unless Drover has ended, " + how_to_cancel(printable(plan.id)));
    }
    body = *std::move(next);
  }
}

}  // namespace

ExitCode drain(const CtlLine& line, const AdminPort& port) {
  auto body = start(line, port);
  if (!body) return complain(body.error().detail);
  const auto plan = read_drain(*body);
  const bool waits = line.drain.wait == CtlLine::Drain::Wait::kUntilItEnds && !has_ended(plan);
  if (waits) {
    say_on_interrupt(printable(plan.id));
    return watch(line, port, *std::move(body));
  }
  print_error(warnings_text(plan.warnings));
  if (line.form == CtlLine::Form::kJson) return print(*body);
  const std::string id = plan.id.empty() ? "" : "drain " + printable(plan.id) + " of ";
  return print(id + drain_text(plan));
}

}  // namespace drover::app
