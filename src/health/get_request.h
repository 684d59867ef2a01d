// The request of an HTTP or WebSocket probe.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace drover::health {

// GET settings.path, with settings.host or else `host`. `headers`: further ones, each with its CRLF.
std::string get_request(const config::HealthCheck& settings, const std::string& host, std::string_view headers);

}  // namespace drover::health
