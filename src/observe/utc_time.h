// The time in a line of the access log.
#pragma once

#include <string>

namespace drover::observe {

// The wall clock in UTC: "2026-11-21T23:09:21.123Z".
std::string utc_now();

}  // namespace drover::observe
