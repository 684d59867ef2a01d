// /api/v1/config, /api/v1/reload and /api/v1/shutdown: what the process goes by, and its end.
#pragma once

#include "admin/call.h"

namespace drover::admin {

// GET /api/v1/config: the effective configuration without its secrets.
Reply show_config(const Call& call);

// POST /api/v1/reload: as SIGHUP. 200 with what has changed; 422 with every error where the file is refused, and then
// nothing has changed; 400 for a body with settings.
Reply reload(const Call& call);

// POST /api/v1/shutdown: as SIGTERM. 202.
Reply shut_down(const Call& call);

}  // namespace drover::admin
