// How fast sessions are told to go at shutdown, and by when, so that the deadline does not become a massacre for those
// told last. Pure arithmetic.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace drover::app {

// The time that a session has between its Close and being cut at the deadline: 10 s, half the deadline where that is
// less.
Milliseconds closing_grace(Milliseconds deadline);

// Closes a second in all. `configured` is shutdown.pace; none is "auto": spread over what the deadline leaves before
// the last grace, but not slower than kLeastAutoPace.
double closing_pace(std::optional<double> configured, std::uint64_t sessions, Milliseconds deadline);

// A process with few sessions has no storm of reconnections to prevent, and should not linger.
inline constexpr double kLeastAutoPace = 100;

}  // namespace drover::app
