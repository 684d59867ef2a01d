// /api/v1/backends: what Drover knows of each backend, what backends tell of themselves, and what the operator wants of
// them.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// GET /api/v1/backends: every pool and backend, in the order of the configuration.
Reply list_backends(const Call& call);

// POST /api/v1/backends/{pool}/{name}/load: the JSON report of balancer/load_report.h, and what was taken of it. 404
// for an unknown pool or backend, 400 for what is no report or has no usable value.
Reply take_load(const Call& call);

// POST /api/v1/backends/{pool}/{name}/ready and …/maintenance: the operator's state of it, in place of the last. 200
// with the backend as it is listed, and a note where its agent wants it stricter; 404, 400 for a body with settings.
Reply set_ready(const Call& call);
Reply set_maintenance(const Call& call);

// PUT /api/v1/backends/{pool}/{name}/weight: {"weight":2}, 1…1000. 200 with the backend as it is listed; 404, 400.
Reply set_weight(const Call& call);

}  // namespace drover::admin
