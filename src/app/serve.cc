// The order of start-up around the supervisor: configuration, fork, pid file, logs.
#include "app/serve.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>

#include "app/daemon.h"
#include "app/demo.h"
#include "app/demo_config.h"
#include "app/demo_page.h"
#include "app/demo_proxy.h"
#include "app/log_settings.h"
#include "app/output.h"
#include "app/pidfile.h"
#include "app/supervisor.h"
#include "app/tls_material.h"
#include "base/log.h"
#include "config/difference.h"
#include "config/load.h"

namespace drover::app {

namespace {

// Reads the files that the configuration names. Prints what is wrong with them, as load() does.
std::optional<Setup> with_tls(config::Config config, const std::string& file) {
  const auto ticket_keys = std::make_shared<net::TicketKeys>();
  LoadedTls loaded = load_tls(config, ticket_keys);
  const auto tell = [&](const std::string& kind, const std::string& what) {
    print_error(config.file + ": " + kind + ": " + what + "\n");
  };
  for (const auto& error : loaded.errors) tell("error", error);
  for (const auto& warning : loaded.warnings) tell("warning", warning);
  if (!loaded.errors.empty()) return std::nullopt;
  return Setup{
      .config = std::move(config), .tls = std::move(loaded.material), .file = file, .ticket_keys = ticket_keys};
}

// Prints every diagnostic, warnings too.
std::optional<Setup> load(const std::string& file) {
  auto loaded = config::load_file(file);
  print_error(loaded.diagnostics.text());
  if (!loaded.config) return std::nullopt;
  // A daemon's working directory is another one.
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(file, failed);
  return with_tls(*std::move(loaded.config), failed ? file : absolute.string());
}

// Prints which certificates are expired or about to.
void warn_of_certificates(const Setup& setup) {
  for (const auto& certificate : setup.tls.certificates()) {
    const auto concern = concern_about(*certificate, std::chrono::system_clock::now());
    if (concern.empty()) continue;
    print_error(setup.config.file + ": warning: the certificate " + certificate->file() + " " + concern + "\n");
  }
}

using OnReady = std::function<Result<void>(Supervisor&)>;
using OnEnd = std::function<void()>;  // whoever was told of the supervisor lets go of it

Result<ExitCode> supervise(Setup setup, const OnReady& on_ready, const OnEnd& on_end) {
  Supervisor supervisor(std::move(setup));
  if (auto started = supervisor.start(); !started) return std::unexpected(started.error());
  if (auto told = on_ready(supervisor); !told) return std::unexpected(told.error());
  const auto code = supervisor.run();
  on_end();
  return code;
}

// Everything from here on is in the process that stays.
ExitCode run(const std::string& pidfile, Setup setup, const OnReady& on_ready, const OnEnd& on_end = [] {}) {
  std::optional<Result<Pidfile>> written;
  if (!pidfile.empty()) {
    written.emplace(Pidfile::create(pidfile));
    if (!*written) return complain(written->error().detail);
  }
  const auto key_log = net::open_tls_key_log();
  if (!key_log) return complain(key_log.error().detail);
  if (auto opened = log::open(log_settings(setup.config.log)); !opened) return complain(opened.error().detail);
  if (!key_log->empty()) {
    log::warn("tls_keys_logged",
              {{"file", *key_log}, {"hint", "whoever reads it reads all traffic; unset SSLKEYLOGFILE to end this"}});
  }
  const auto code = supervise(std::move(setup), on_ready, on_end);
  log::close();
  return code ? *code : complain(code.error().detail);
}

}  // namespace

ExitCode check(const CommandLine& line) {
  const auto setup = load(line.config_file);
  if (!setup) return ExitCode::kStartUp;
  warn_of_certificates(*setup);
  print_error(line.config_file + ": ok\n");
  return line.action == CommandLine::Action::kCheckAndPrint ? print(config::to_yaml(setup->config)) : ExitCode::kOk;
}

ExitCode compare(const CommandLine& line) {
  const auto before = config::load_file(line.old_config_file);
  print_error(before.diagnostics.text());
  const auto after = load(line.config_file);
  if (after) warn_of_certificates(*after);
  if (!before.config || !after) return ExitCode::kStartUp;
  std::string lines;
  for (const std::string& difference : config::differences(*before.config, after->config)) lines += difference + "\n";
  if (const auto printed = print(lines.empty() ? "nothing changes\n" : lines); printed != ExitCode::kOk) return printed;
  const auto refused = config::not_live(*before.config, after->config);
  for (const std::string& reason : refused)
    print_error(line.config_file + ": error: a reload would be refused: " + reason + "\n");
  return refused.empty() ? ExitCode::kOk : ExitCode::kStartUp;
}

ExitCode serve(const CommandLine& line) {
  auto setup = load(line.config_file);
  if (!setup) return ExitCode::kStartUp;
  if (line.ground == CommandLine::Ground::kForeground) {
    return run(line.pidfile, *std::move(setup), [](Supervisor&) { return Result<void>(); });
  }
  auto daemon = Daemon::fork();
  if (!daemon) return complain(daemon.error().detail);
  return run(line.pidfile, *std::move(setup), [&daemon](Supervisor&) { return daemon->ready(); });
}

ExitCode serve_demo(const CommandLine& line) {
  DemoBackends backends;
  if (const auto started = backends.start(); !started) return complain(started.error().detail);
  auto config = demo_config(backends.addresses());
  if (!config) return complain(config.error().detail);
  auto setup = with_tls(*std::move(config), "");
  if (!setup) return ExitCode::kStartUp;
  setup->page = demo_page();
  const auto on_ready = [&backends](Supervisor& supervisor) {
    backends.serve_behind(demo_proxy(supervisor));
    print(demo_greeting(supervisor.address()));
    return Result<void>();
  };
  return run(line.pidfile, *std::move(setup), on_ready, [&backends] { backends.stop(); });
}

}  // namespace drover::app
