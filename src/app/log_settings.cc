// Two enumerations onto two others.
#include "app/log_settings.h"

namespace drover::app {

namespace {

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

}  // namespace

log::Settings log_settings(const config::Log& log) {
  return {.level = level_of(log.level), .access = log.access, .format = format_of(log.format)};
}

}  // namespace drover::app
