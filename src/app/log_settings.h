// The logs as the configuration has them, for those who write them.
#pragma once

#include "base/log.h"
#include "config/config.h"

namespace drover::app {

log::Settings log_settings(const config::Log& log);

}  // namespace drover::app
