// /api/v1/backends: what Drover knows of each backend, and what backends tell of themselves.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// GET /api/v1/backends: every pool and backend, in the order of the configuration.
Reply list_backends(const Call& call);

// POST /api/v1/backends/{pool}/{name}/load: the JSON report of balancer/load_report.h, and what was taken of it. 404
// for an unknown pool or backend, 400 for what is no report or has no usable value.
Reply take_load(const Call& call);

}  // namespace drover::admin
