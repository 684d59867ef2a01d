// Who may be sent a session: by the operator and by health, unless too little is healthy to go by health. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "balancer/backend.h"

namespace drover::balancer {

using Backends = std::span<const std::shared_ptr<Backend>>;

// By what a pool's backends are judged now.
enum class Standard : std::uint8_t {
  kProven,    // up and not ejected
  kUnproven,  // none is: those that no probe has judged yet count too, so that the smallest configuration works at once
  kPanic,     // so few are that they would be crushed: health is ignored
};

// `panic_threshold`: the share of the backends that are open, and that a probe has judged, which must be up and not
// ejected; 0: no panic. Full ones count as healthy: max_connections is what keeps those from being crushed.
Standard standard_of(Backends backends, double panic_threshold);

// Up, not ejected, ready; by the standard.
bool healthy(const Backend& backend, Standard standard);
// The same, and not full.
bool eligible(const Backend& backend, Standard standard);

// Of the pool's backends, those that are eligible by their own merit: panic does not help.
std::size_t count_eligible(Backends backends);

}  // namespace drover::balancer
