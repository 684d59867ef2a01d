// /api/v1/drains, the drains of backends and pools, and the freeze: moving live sessions away.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// POST /api/v1/backends/{pool}/{name}/drain and /api/v1/pools/{pool}/drain, with the body of drain_json.h: 202 with the
// plan, 200 for a dry run; 404, 400, 409 while Drover shuts down.
void drain_backend(const Call& call, Done done);
void drain_pool(const Call& call, Done done);

// GET /api/v1/drains: those that go on, and the last that have ended.
Reply list_drains(const Call& call);

// GET /api/v1/drains/{id}: 404.
Reply show_drain(const Call& call);

// DELETE /api/v1/drains/{id}: 200 with the plan as it ended, and a note where it leaves backends closed to new
// sessions; 404.
Reply cancel_drain(const Call& call);

// POST /api/v1/freeze and /unfreeze: no plan moves anybody, and they go on. 200; 400 for a body with settings.
Reply freeze(const Call& call);
Reply unfreeze(const Call& call);

}  // namespace drover::admin
