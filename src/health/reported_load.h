// The load that a backend tells of in its answer to a probe. Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "balancer/load_report.h"
#include "http/head.h"

namespace drover::health {

// Of the ORCA header. None: it has none, or one that cannot be read.
std::optional<balancer::LoadReport> reported_load(const http::ResponseHead& head);

// Of a JSON object in the body, and of the ORCA header what the body does not tell: the body was written for Drover.
// None: neither tells anything; a body that is no JSON object is an ordinary one.
std::optional<balancer::LoadReport> reported_load(const http::ResponseHead& head, std::string_view body);

}  // namespace drover::health
