// What the demo's backends ask of the Drover that they stand behind.
#pragma once

#include "app/demo.h"
#include "app/supervisor.h"

namespace drover::app {

// The supervisor outlives whoever calls it.
DemoBackends::Proxy demo_proxy(Supervisor& supervisor);

}  // namespace drover::app
