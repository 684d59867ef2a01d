// The order of start-up around the supervisor: configuration, fork, pid file, logs.
#include "app/serve.h"

#include <functional>
#include <optional>
#include <utility>

#include "app/daemon.h"
#include "app/demo.h"
#include "app/demo_config.h"
#include "app/output.h"
#include "app/pidfile.h"
#include "app/supervisor.h"
#include "base/log.h"
#include "config/load.h"

namespace drover::app {

namespace {

// Prints every diagnostic, warnings too.
std::optional<config::Config> load(const std::string& file) {
  auto loaded = config::load_file(file);
  print_error(loaded.diagnostics.text());
  return std::move(loaded.config);
}

log::Level level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug: return log::Level::kDebug;
    case config::LogLevel::kInfo: return log::Level::kInfo;
    case config::LogLevel::kWarn: return log::Level::kWarn;
    case config::LogLevel::kError: return log::Level::kError;
  }
  return log::Level::kInfo;
}

log::Format format_of(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::kJson: return log::Format::kJson;
    case config::LogFormat::kText: return log::Format::kText;
  }
  return log::Format::kJson;
}

using OnReady = std::function<Result<void>(const Supervisor&)>;

Result<ExitCode> supervise(config::Config config, const OnReady& on_ready) {
  Supervisor supervisor(std::move(config));
  if (auto started = supervisor.start(); !started) return std::unexpected(started.error());
  if (auto told = on_ready(supervisor); !told) return std::unexpected(told.error());
  return supervisor.run();
}

// Everything from here on is in the process that stays.
ExitCode run(const std::string& pidfile, config::Config config, const OnReady& on_ready) {
  std::optional<Result<Pidfile>> written;
  if (!pidfile.empty()) {
    written.emplace(Pidfile::create(pidfile));
    if (!*written) return complain(written->error().detail);
  }
  const log::Settings settings{
      .level = level_of(config.log.level), .access = config.log.access, .format = format_of(config.log.format)};
  if (auto opened = log::open(settings); !opened) return complain(opened.error().detail);
  const auto code = supervise(std::move(config), on_ready);
  log::close();
  return code ? *code : complain(code.error().detail);
}

}  // namespace

ExitCode check(const CommandLine& line) {
  const auto config = load(line.config_file);
  if (!config) return ExitCode::kStartUp;
  print_error(line.config_file + ": ok\n");
  return line.action == CommandLine::Action::kCheckAndPrint ? print(config::to_yaml(*config)) : ExitCode::kOk;
}

ExitCode serve(const CommandLine& line) {
  auto config = load(line.config_file);
  if (!config) return ExitCode::kStartUp;
  if (line.ground == CommandLine::Ground::kForeground) {
    return run(line.pidfile, *std::move(config), [](const Supervisor&) { return Result<void>(); });
  }
  auto daemon = Daemon::fork();
  if (!daemon) return complain(daemon.error().detail);
  return run(line.pidfile, *std::move(config), [&daemon](const Supervisor&) { return daemon->ready(); });
}

ExitCode serve_demo(const CommandLine& line) {
  DemoBackends backends;
  if (const auto started = backends.start(); !started) return complain(started.error().detail);
  auto config = demo_config(backends.addresses());
  if (!config) return complain(config.error().detail);
  return run(line.pidfile, *std::move(config), [](const Supervisor& supervisor) {
    print(demo_greeting(supervisor.address()));
    return Result<void>();
  });
}

}  // namespace drover::app
